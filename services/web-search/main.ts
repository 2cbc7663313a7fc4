import { runToolService } from '../tools';
import { createWebSearch } from './app';
import { webSearchConfigFromEnv } from './config';

runToolService('web-search', webSearchConfigFromEnv, (config, resources) =>
  createWebSearch(config, resources),
);
