import { z } from 'zod';
import { askJson, plain } from './http';
import { rankScore, type SearchBackend, type SearchResult } from './types';

/** Where an engine is asked, and with which key. */
export interface VendorConfig {
  baseUrl: string;
  apiKey: string;
}

const text = z.string().nullish();
const SNIPPET_CHARACTERS = 400;

const braveSchema = z.object({
  web: z
    .object({
      results: z.array(
        z.object({ title: text, url: z.string(), description: text, age: text, page_age: text }),
      ),
    })
    .nullish(),
});

/** Brave's Web Search API. An answer without a web section is an answer without results. */
export function braveBackend({ baseUrl, apiKey }: VendorConfig): SearchBackend {
  return {
    name: 'brave',
    async search(query, topK, signal) {
      const url = endpoint(baseUrl, '/web/search');
      url.searchParams.set('q', query);
      url.searchParams.set('count', String(topK));
      const answer = await askJson({
        backend: 'brave',
        url,
        method: 'GET',
        headers: { 'x-subscription-token': apiKey },
        schema: braveSchema,
        signal,
      });
      return (answer.web?.results ?? []).map((result, index) => ({
        title: plain(result.title),
        url: result.url,
        snippet: plain(result.description),
        score: rankScore(index),
        metadata: {
          search_provider: 'brave',
          position: index + 1,
          published_at: result.page_age ?? result.age ?? null,
        },
      }));
    },
  };
}

const serperSchema = z.object({
  organic: z.array(
    z.object({ title: text, link: z.string(), snippet: text, position: z.number().nullish(), date: text }),
  ),
});

/** Serper's Google search. */
export function serperBackend({ baseUrl, apiKey }: VendorConfig): SearchBackend {
  return {
    name: 'serper',
    async search(query, topK, signal) {
      const answer = await askJson({
        backend: 'serper',
        url: endpoint(baseUrl, '/search'),
        method: 'POST',
        headers: { 'x-api-key': apiKey },
        body: { q: query, num: topK },
        schema: serperSchema,
        signal,
      });
      return answer.organic.map((result, index) => ({
        title: plain(result.title),
        url: result.link,
        snippet: plain(result.snippet),
        score: rankScore(index),
        metadata: {
          search_provider: 'serper',
          position: result.position ?? index + 1,
          published_at: result.date ?? null,
        },
      }));
    },
  };
}

const tavilySchema = z.object({
  answer: text,
  results: z.array(
    z.object({
      title: text,
      url: z.string(),
      content: text,
      score: z.number().nullish(),
      published_date: text,
    }),
  ),
});

/** Tavily's search; its short answer goes with the first result. */
export function tavilyBackend({ baseUrl, apiKey }: VendorConfig): SearchBackend {
  return {
    name: 'tavily',
    async search(query, topK, signal) {
      const answer = await askJson({
        backend: 'tavily',
        url: endpoint(baseUrl, '/search'),
        method: 'POST',
        headers: {},
        body: {
          api_key: apiKey,
          query,
          max_results: topK,
          search_depth: 'basic',
          include_answer: true,
          include_raw_content: false,
        },
        schema: tavilySchema,
        signal,
      });
      return answer.results.map((result, index): SearchResult => ({
        title: plain(result.title),
        url: result.url,
        snippet: plain(result.content).slice(0, SNIPPET_CHARACTERS),
        score: Math.min(1, Math.max(0, result.score ?? rankScore(index))),
        metadata: {
          search_provider: 'tavily',
          position: index + 1,
          published_at: result.published_date ?? null,
          ...(index === 0 && answer.answer ? { answer: answer.answer } : {}),
        },
      }));
    },
  };
}

function endpoint(baseUrl: string, path: string): URL {
  return new URL(`${baseUrl.replace(/\/+$/, '')}${path}`);
}
