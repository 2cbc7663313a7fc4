/** Thread that reads pages: a document made to be slow or deep stops this thread, not the service. */
import { parentPort } from 'node:worker_threads';
import { readPage } from './page-text';

parentPort?.on('message', ({ id, html, url }: { id: number; html: string; url: string }) => {
  try {
    parentPort?.postMessage({ id, page: readPage(html, url) });
  } catch (error) {
    parentPort?.postMessage({ id, error: error instanceof Error ? error.message : String(error) });
  }
});
parentPort?.postMessage('ready');
