/** What the pages load besides themselves: one style sheet and htmx, both from this server. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { defineRoute, Reply } from '../route';
import type { Route } from '../route';
import { STYLE } from './style';

const htmx = (): string =>
  readFileSync(createRequire(__filename).resolve('htmx.org/dist/htmx.min.js'), 'utf8');
// The names carry no version, so browsers ask again after an hour.
const CACHE = { 'cache-control': 'public, max-age=3600' };
const tags = ['page'];

let script: string | null = null;

export const assetRoutes: Route[] = [
  defineRoute(
    {
      method: 'get',
      path: '/assets/page.css',
      auth: 'public',
      summary: 'Style sheet of the page',
      tags,
      responses: { 200: { description: 'CSS', contentType: 'text/css; charset=utf-8' } },
    },
    () => new Reply(200, STYLE, CACHE),
  ),
  defineRoute(
    {
      method: 'get',
      path: '/assets/htmx.js',
      auth: 'public',
      summary: 'Script that keeps the live parts of the page up to date',
      tags,
      responses: { 200: { description: 'JavaScript', contentType: 'text/javascript; charset=utf-8' } },
    },
    () => new Reply(200, (script ??= htmx()), CACHE),
  ),
];
