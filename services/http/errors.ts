import type { ErrorRequestHandler, Request, RequestHandler } from 'express';
import type { z } from 'zod';
import type { Logger } from '../../adapters/logging';
import { fieldErrors, HttpError, unprocessable } from '../../domain/http-errors';

/**
 * Parses a request body.
 * @throws HttpError 422 with the list of field errors
 */
export function parseBody<T extends z.ZodType>(schema: T, req: Request): z.output<T> {
  const body: unknown = req.body;
  if (body === undefined) {
    throw unprocessable([{ type: 'missing', loc: ['body'], msg: 'Field required', input: null }]);
  }
  const parsed = schema.safeParse(body);
  if (!parsed.success) throw unprocessable(fieldErrors(parsed.error, 'body', body));
  return parsed.data;
}

/** Answers what no route took: 405 where the path exists under another method, else 404. */
export function notFound(allowed: (path: string) => string[]): RequestHandler {
  return (req, res) => {
    const methods = allowed(req.path);
    if (methods.length === 0) {
      res.status(404).json({ detail: 'Not Found' });
      return;
    }
    res.status(405).setHeader('Allow', methods.join(', '));
    res.json({ detail: 'Method Not Allowed' });
  };
}

interface BodyParserError extends Error {
  type?: string;
  status?: number;
  limit?: number;
}

/** Turns anything thrown by a handler into `{"detail": ...}`; what was not meant for the client is only logged. */
export function errorHandler(logger: Logger): ErrorRequestHandler {
  return (error: unknown, req, res, next) => {
    if (res.headersSent) {
      logger.error('a handler failed after its answer had begun', {
        error,
        request_id: res.locals.requestId,
      });
      next(error);
      return;
    }
    const answer = error instanceof HttpError ? error : bodyError(error as BodyParserError);
    if (answer) {
      res.status(answer.status);
      for (const [name, value] of Object.entries(answer.headers)) res.setHeader(name, value);
      res.json({ detail: answer.detail, ...answer.extra });
      return;
    }
    logger.error('a handler failed', {
      error,
      method: req.method,
      path: req.path,
      request_id: res.locals.requestId,
    });
    res.status(500).json({ detail: 'Internal Server Error' });
  };
}

function bodyError(error: BodyParserError): HttpError | null {
  switch (error.type) {
    case 'entity.too.large':
      return new HttpError(413, `request body exceeds ${error.limit ?? 0} bytes`);
    case 'entity.parse.failed':
      return unprocessable([
        {
          type: 'json_invalid',
          loc: ['body', 0],
          msg: 'JSON decode error',
          input: {},
          ctx: { error: error.message },
        },
      ]);
    case 'encoding.unsupported':
    case 'charset.unsupported':
      return new HttpError(415, error.message);
    case 'request.aborted':
    case 'request.size.invalid':
      return new HttpError(400, error.message);
    default:
      // Express throws these for what a client sends wrongly, such as a bad percent-escape in the path.
      return error instanceof URIError || error.status === 400
        ? new HttpError(400, 'malformed request')
        : null;
  }
}
