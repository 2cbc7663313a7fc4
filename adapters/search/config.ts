import { catalogBackend } from './catalog';
import type { SearchBackend } from './types';
import { braveBackend, serperBackend, tavilyBackend, type VendorConfig } from './vendors';

/** What engines are chosen and reached by. */
export interface SearchConfig {
  /** Names in order, as configured; empty leaves the choice to the keys. */
  order: readonly string[];
  brave: Partial<VendorConfig>;
  serper: Partial<VendorConfig>;
  tavily: Partial<VendorConfig>;
  catalogPath: string | undefined;
}

const VENDORS = {
  brave: {
    make: braveBackend,
    baseUrl: 'https://api.search.brave.com/res/v1',
    key: 'EIREL_BRAVE_SEARCH_API_KEY',
  },
  serper: { make: serperBackend, baseUrl: 'https://google.serper.dev', key: 'EIREL_SERPER_API_KEY' },
  tavily: { make: tavilyBackend, baseUrl: 'https://api.tavily.com', key: 'EIREL_TAVILY_API_KEY' },
} as const;
type Vendor = keyof typeof VENDORS;

const isVendor = (name: string): name is Vendor => Object.hasOwn(VENDORS, name);

/**
 * The engines in the order in which they are asked: as configured, else those that have a key (brave, serper, tavily),
 * else the catalog.
 * @throws Error for a name that is not known, or for an engine that is named but has no key
 */
export function searchBackends(config: SearchConfig): SearchBackend[] {
  const names = config.order.map((name) => (name === 'brave_live_web' ? 'brave' : name));
  const chosen =
    names.length > 0
      ? [...new Set(names)]
      : (Object.keys(VENDORS) as Vendor[]).filter((name) => config[name].apiKey);
  const backends = chosen.map((name): SearchBackend => {
    if (name === 'catalog') return catalogBackend(config.catalogPath);
    if (!isVendor(name)) {
      throw new Error(`unknown search backend '${name}'; expected brave, serper, tavily or catalog`);
    }
    const { make, baseUrl, key } = VENDORS[name];
    const { apiKey } = config[name];
    if (!apiKey) throw new Error(`search backend '${name}' needs ${key}; set it, or leave the backend out`);
    return make({ baseUrl: config[name].baseUrl ?? baseUrl, apiKey });
  });
  return backends.length > 0 ? backends : [catalogBackend(config.catalogPath)];
}
