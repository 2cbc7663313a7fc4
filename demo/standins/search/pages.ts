import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** A page of the small web that the stand-in serves and searches. */
export interface StandinPage {
  /** Last part of its address; letters, digits, dots and dashes. */
  slug: string;
  title: string;
  text: string;
  /** ISO-8601 date. */
  publishedAt?: string;
}

const taskSchema = z.object({
  task_id: z.string(),
  prompt: z.string(),
  expected_output: z.looseObject({ answer: z.string().optional() }).optional(),
});

/**
 * Makes a page for every task of a dataset that has a gold answer, so that a search for the question finds it.
 * @throws Error that names the file when it is no dataset
 */
export function pagesOfDataset(path: string): StandinPage[] {
  const parsed = z.object({ tasks: z.array(taskSchema) }).safeParse(JSON.parse(readFileSync(path, 'utf8')));
  if (!parsed.success) throw new Error(`${path} is not a dataset of tasks`);
  return parsed.data.tasks.flatMap(({ task_id: slug, prompt, expected_output: expected }) =>
    expected?.answer ? [{ slug, title: prompt, text: `${prompt} The answer is: ${expected.answer}.` }] : [],
  );
}

/** Pages that share words with a query, the most first, ties in the order of their slugs. */
export function findPages(pages: readonly StandinPage[], query: string, count: number): StandinPage[] {
  const words = [...new Set(wordsOf(query))];
  return pages
    .map((page) => {
      const own = new Set(wordsOf(`${page.title} ${page.text}`));
      return { page, hits: words.filter((word) => own.has(word)).length };
    })
    .filter(({ hits }) => hits > 0)
    .sort((a, b) => b.hits - a.hits || (a.page.slug < b.page.slug ? -1 : 1))
    .slice(0, count)
    .map(({ page }) => page);
}

/** The page as HTML, with the furniture that real pages have around their text. */
export function renderPage(page: StandinPage, others: readonly StandinPage[]): string {
  const links = others
    .slice(0, 5)
    .map(({ slug, title }) => `<li><a href="/pages/${slug}">${escape(title)}</a></li>`)
    .join('');
  const date = page.publishedAt
    ? `<meta property="article:published_time" content="${escape(page.publishedAt)}">`
    : '';
  const paragraphs = page.text
    .split(/\n+/)
    .map((text) => `<p>${escape(text)}</p>`)
    .join('\n');
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escape(page.title)}</title>${date}</head>
<body><nav><a href="/">All pages</a></nav><main><h1>${escape(page.title)}</h1>
${paragraphs}
</main><footer><ul>${links}</ul></footer><script>document.title += ' (read)';</script></body></html>
`;
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

function escape(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}
