import { runToolService } from '../tools';
import { createUrlFetch } from './app';
import { urlFetchConfigFromEnv } from './config';

runToolService('url-fetch', urlFetchConfigFromEnv, (config, resources) => createUrlFetch(config, resources));
