/**
 * Finds a request's route by its path at once. Express asks every route in turn, which for a hundred of them costs more
 * than most of their handlers; what is not found here (wildcards, other methods, paths of nobody) goes on to Express.
 */
import type { RequestHandler } from 'express';

type Segment = { text: string; name?: undefined } | { name: string; text?: undefined };

interface Entry {
  /** Place in the table: of two routes that fit, the earlier one answers. */
  order: number;
  handler: RequestHandler;
  /** Segments of the path; a parameter has a name. */
  segments: readonly Segment[];
}

/** Routes by method and path, asked before Express's own. */
export class Dispatcher {
  private readonly fixed = new Map<string, Entry>();
  private readonly withParameters = new Map<string, Entry[]>();
  private count = 0;

  /** @param path OpenAPI form; one with a wildcard is left to Express */
  add(method: string, path: string, handler: RequestHandler): void {
    const order = this.count++;
    if (path.includes('*')) return;
    const segments = path.split('/').map((part): Segment => {
      const name = /^\{(\w+)\}$/.exec(part)?.[1];
      return name ? { name } : { text: part };
    });
    if (segments.some(({ text }) => text?.includes('{'))) return;
    const entry: Entry = { order, handler, segments };
    if (segments.every(({ text }) => text !== undefined)) {
      const key = `${method} ${path}`;
      if (!this.fixed.has(key)) this.fixed.set(key, entry);
      return;
    }
    const key = `${method} ${segments.length}`;
    this.withParameters.set(key, [...(this.withParameters.get(key) ?? []), entry]);
  }

  /** The middleware that answers what it finds. */
  readonly handle: RequestHandler = (req, res, next) => {
    const method = req.method.toLowerCase();
    const { path } = req;
    const fixed = this.fixed.get(`${method} ${path}`);
    const parts = path.split('/');
    for (const entry of this.withParameters.get(`${method} ${parts.length}`) ?? []) {
      if (fixed && fixed.order < entry.order) break;
      const params = parametersOf(entry, parts);
      if (params === null) continue;
      req.params = params;
      return entry.handler(req, res, next);
    }
    if (!fixed) return next();
    req.params = {};
    return fixed.handler(req, res, next);
  };
}

/** Values of a path's parameters, null when it does not fit. @throws URIError for one that cannot be decoded */
function parametersOf(entry: Entry, parts: readonly string[]): Record<string, string> | null {
  const params: Record<string, string> = {};
  for (const [index, segment] of entry.segments.entries()) {
    const part = parts[index] ?? '';
    if (segment.text !== undefined) {
      if (segment.text !== part) return null;
    } else if (part === '') return null;
    else params[segment.name] = part;
  }
  for (const name of Object.keys(params)) params[name] = decodeURIComponent(params[name] as string);
  return params;
}
