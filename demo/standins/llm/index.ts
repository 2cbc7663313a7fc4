export { startLlmStandin, type LlmStandin, type LlmStandinOptions, type ScriptedAnswer } from './server';
