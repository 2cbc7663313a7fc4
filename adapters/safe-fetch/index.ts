export { refusedKind } from './addresses';
export { isHtml } from './content';
export { FetchFailed, HostRateLimited, HostRateUnknown, SsrfBlocked } from './errors';
export { Extractor, type ExtractorOptions } from './extractor';
export {
  SafeFetcher,
  type FetchedPage,
  type FetchOptions,
  type SafeFetchConfig,
  type SafeFetchDeps,
} from './fetcher';
export { checkHop, parseTarget, targetOf, type Resolve } from './guard';
export { hostRateLimiter, type HostRate } from './host-rate';
export type { PageLink, PageText } from './page';
