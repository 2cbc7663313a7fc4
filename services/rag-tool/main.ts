import { runToolService } from '../tools';
import { createRagService } from './app';
import { ragConfigFromEnv } from './config';

runToolService('rag-tool', ragConfigFromEnv, createRagService);
