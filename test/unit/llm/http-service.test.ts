import { createLogger } from '../../../adapters/logging';
import { HttpError } from '../../../domain/http-errors';
import { createService, listenConfigFromEnv, serve, type RunningService } from '../../../services/http';
import { Router, type Request, type Response } from 'express';
import { setTimeout as sleep } from 'node:timers/promises';

const logger = createLogger('http-test', 'emerg');
let running: RunningService | undefined;
afterEach(() => running?.close());

/** When the last request for something slow has arrived. */
let arrived: Promise<void>;
let arrive: () => void;
beforeEach(() => {
  arrived = new Promise((resolve) => (arrive = resolve));
});

async function start(
  options: { drainSeconds?: number; fail?: () => Promise<unknown>; onClose?: () => Promise<void> } = {},
) {
  const service = createService({
    name: 'test',
    logger,
    bodyLimitBytes: 100,
    ...(options.fail ? { readiness: { part: options.fail } } : {}),
    routes(app) {
      const slow = (ms: number) => async (_req: Request, res: Response) => {
        arrive();
        await sleep(ms, undefined, { ref: false });
        res.json({ done: true });
      };
      app.get('/slow', slow(200));
      app.get('/endless', slow(60_000));
      app.get('/boom', () => {
        throw new Error('a secret of the inside');
      });
      app.get('/teapot', () => {
        throw new HttpError(418, 'short and stout', { cups: 2 }, { 'Retry-After': '9' });
      });
      const nested = Router();
      nested.post('/items/:id', (req, res) => {
        res.json({ id: req.params.id, body: req.body as unknown });
      });
      app.use('/nested', nested);
    },
  });
  running = await serve(service, {
    host: '127.0.0.1',
    port: 0,
    drainSeconds: options.drainSeconds ?? 30,
    handleSignals: false,
    ...(options.onClose ? { onClose: options.onClose } : {}),
  });
  return running;
}

describe('a service', () => {
  it('answers errors as JSON with a detail, and keeps its inside to itself', async () => {
    const { url } = await start();
    const boom = await fetch(`${url}/boom`);
    expect(boom.status).toBe(500);
    expect(await boom.json()).toEqual({ detail: 'Internal Server Error' });
    const teapot = await fetch(`${url}/teapot`);
    expect([teapot.status, teapot.headers.get('retry-after'), await teapot.json()]).toEqual([
      418,
      '9',
      { detail: 'short and stout', cups: 2 },
    ]);
    expect(await (await fetch(`${url}/nested`)).json()).toEqual({ detail: 'Not Found' });
  });

  it('tells a wrong method from a wrong path, in nested routers too', async () => {
    const { url } = await start();
    const wrong = await fetch(`${url}/nested/items/7`, { method: 'PUT' });
    expect([wrong.status, wrong.headers.get('allow'), await wrong.json()]).toEqual([
      405,
      'POST',
      { detail: 'Method Not Allowed' },
    ]);
    expect((await fetch(`${url}/healthz`, { method: 'POST' })).headers.get('allow')).toBe('GET, HEAD');
  });

  it('refuses bodies that are too large or broken', async () => {
    const { url } = await start();
    const post = (body: string) =>
      fetch(`${url}/nested/items/7`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
    expect(await (await post('{"a":1}')).json()).toEqual({ id: '7', body: { a: 1 } });
    expect((await post(`"${'x'.repeat(200)}"`)).status).toBe(413);
    expect((await post('{')).status).toBe(422);
    expect((await fetch(`${url}/nested/items/%E0%A4%A`, { method: 'POST' })).status).toBe(400);
  });

  it('takes a request id over when it is one, and makes one when not', async () => {
    const { url } = await start();
    const idOf = async (given: string) =>
      (await fetch(`${url}/healthz`, { headers: { 'x-request-id': given } })).headers.get('x-request-id');
    expect(await idOf('abc-1')).toBe('abc-1');
    expect(await idOf('a b <script>')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('is not ready while a part is not, and says why', async () => {
    const { url } = await start({ fail: () => Promise.reject(new Error('no route to host')) });
    const ready = await fetch(`${url}/readyz`);
    expect(ready.status).toBe(503);
    expect(await ready.json()).toEqual({ status: 'not_ready', checks: { part: 'no route to host' } });
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  it('lets requests under way end before it stops, then releases what it holds', async () => {
    const order: string[] = [];
    const service = await start({ onClose: () => Promise.resolve(void order.push('released')) });
    const slow = fetch(`${service.url}/slow`).then(async (response) => {
      order.push('answered');
      return response.json();
    });
    await arrived;
    await Promise.all([service.close(), service.close()]);
    expect(await slow).toEqual({ done: true });
    expect(order).toContain('answered');
    expect(order.filter((what) => what === 'released')).toHaveLength(1);
    await expect(fetch(`${service.url}/healthz`)).rejects.toThrow();
  });

  it('cuts off what takes longer than the drain time', async () => {
    const service = await start({ drainSeconds: 0.05 });
    const slow = fetch(`${service.url}/endless`).then(
      () => 'answered',
      () => 'cut',
    );
    await arrived;
    await service.close();
    expect(await slow).toBe('cut');
  });

  it('says which address it cannot have', async () => {
    const { port } = await start();
    const second = createService({ name: 'second', logger, routes: () => undefined });
    await expect(
      serve(second, { host: '127.0.0.1', port, drainSeconds: 1, handleSignals: false }),
    ).rejects.toThrow(`second cannot listen on 127.0.0.1:${port}`);
  });
});

describe('listenConfigFromEnv', () => {
  it('stays on this machine unless told otherwise, and refuses what is no port', () => {
    expect(listenConfigFromEnv('X_PORT', 8092, {})).toEqual({
      host: '127.0.0.1',
      port: 8092,
      drainSeconds: 20,
    });
    expect(() => listenConfigFromEnv('X_PORT', 8092, { X_PORT: '99999' })).toThrow(/X_PORT/);
  });
});
