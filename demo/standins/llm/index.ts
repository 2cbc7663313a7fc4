export {
  startLlmStandin,
  type LlmStandin,
  type LlmStandinOptions,
  type ModelCall,
  type ScriptedAnswer,
} from './server';
