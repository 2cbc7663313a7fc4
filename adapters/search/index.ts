export { AllBackendsFailed, searchInOrder, type ChainAnswer } from './chain';
export { searchBackends, type SearchConfig } from './config';
export { SearchError, type SearchBackend, type SearchResult } from './types';
