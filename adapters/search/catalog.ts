import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { SearchBackend } from './types';

const entrySchema = z.looseObject({
  document_id: z.string().optional(),
  title: z.string(),
  url: z.url({ protocol: /^https?$/ }),
  snippet: z.string().default(''),
  content: z.string().default(''),
});
const catalogSchema = z.union([
  z.array(entrySchema),
  z.object({ documents: z.array(entrySchema) }).transform((file) => file.documents),
]);

/**
 * A fixed list of documents as a search engine, for places without one. The score is the share of the query's words
 * that occur in a document; documents without any are left out, ties stand in the order of their URLs.
 * @param path JSON file: a list of `{title, url, snippet?, content?}`, or `{documents: [...]}`
 * @throws Error that names the file when it cannot be read or has another shape
 */
export function catalogBackend(path: string | undefined): SearchBackend {
  const documents = path ? load(path) : [];
  return {
    name: 'catalog',
    async search(query, topK) {
      const words = [...new Set(query.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [])];
      return documents
        .map(({ haystack, ...document }) => ({
          ...document,
          hits: words.filter((word) => haystack.includes(word)).length,
        }))
        .filter(({ hits }) => hits > 0)
        .sort((a, b) => b.hits - a.hits || (a.url < b.url ? -1 : 1))
        .slice(0, topK)
        .map(({ hits, title, url, snippet }, index) => ({
          title,
          url,
          snippet,
          score: Number((hits / words.length).toFixed(6)),
          metadata: { search_provider: 'catalog', position: index + 1, published_at: null },
        }));
    },
  };
}

function load(path: string): { title: string; url: string; snippet: string; haystack: string }[] {
  let entries: z.infer<typeof catalogSchema>;
  try {
    entries = catalogSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    throw new Error(
      `EIREL_WEB_SEARCH_TOOL_CATALOG_PATH: ${path} is not a catalog of documents: ${
        error instanceof Error ? error.message : String(error)
      }`,
    );
  }
  return entries.map(({ title, url, snippet, content }) => ({
    title,
    url,
    snippet: snippet || content.slice(0, 300),
    haystack: `${title} ${snippet} ${content}`.toLowerCase(),
  }));
}
