import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { NativeConnection, type Worker, type WorkflowBundle } from '@temporalio/worker';
import { RunningTasks, type RunningTaskView } from '../../activities/validator/running';
import { createValidatorMetrics } from '../../activities/validator/metrics';
import { JudgeClient } from '../../adapters/judge-client';
import { filesystemEnrichmentStore } from '../../adapters/enrichment-store';
import type { Hotkey } from '../../adapters/keys/types';
import { messageOf, type Logger } from '../../adapters/logging';
import { InvocationClient, OwnerClient } from '../../adapters/owner-client';
import { layerConfigured } from '../../adapters/oracle';
import { TaskJournals } from '../../adapters/task-journal';
import {
  connectionOptions,
  connectTemporal,
  ensureSearchAttributes,
  type TemporalConfig,
} from '../../adapters/temporal';
import { takeUpAbandoned } from '../../adapters/temporal/abandoned';
import { LoopHandle } from '../../adapters/validator-loop';
import { workflowIds, type ValidatorProgressView } from '../../domain/messages';
import { createService, type Service } from '../http';
import { loopSettings, type ValidatorConfig } from './config';
import { createEnricher, createOracleWorkers } from './enrichment';
import { createValidatorWorker, engineRole } from './worker';

export interface ValidatorDeps {
  config: ValidatorConfig;
  hotkey: Hotkey;
  temporal: TemporalConfig;
  logger: Logger;
  /** The workflows, where they are not to be found beside the build. */
  workflows?: WorkflowBundle;
}

export interface Validator {
  service: Service;
  /** Begins to work; fails where Temporal cannot be reached. */
  start(): Promise<void>;
  status(): Promise<ValidatorStatus>;
  /**
   * Lets what is under way end within the grace. What does not is taken up by the next start: its lease stays, and so does
   * everything obtained.
   */
  stop(): Promise<void>;
  /** Settles when the worker has ended; rejects when it broke. */
  readonly ended: Promise<void>;
}

/** Body of `GET /v1/status`. */
export interface ValidatorStatus {
  hotkey: string;
  families: readonly string[];
  judge_model: string | null;
  phase: ValidatorProgressView['phase'] | 'starting' | 'stopping' | 'unknown';
  /** What it does, or why it waits. */
  reason: string;
  paused: ValidatorProgressView['paused'];
  /** Tasks that this process works on now. */
  active_tasks: RunningTaskView[];
  /** How tasks ended, since the loop was first started. */
  ended: ValidatorProgressView['ended'] | null;
  last_claim_at: string | null;
  last_error: ValidatorProgressView['lastError'];
  publication: { enabled: boolean; last: ValidatorProgressView['publication'] };
}

const JUDGE_MODEL_REFRESH_MS = 60_000;
const JUDGE_MODEL_RETRY_MS = 5_000;

/** Everything that a start opens and a stop closes. */
interface Opened {
  client: Client;
  connection: NativeConnection;
  workers: Worker[];
}

/** Puts the engine together: the loop's worker, and the HTTP app that shows what it does. */
export function createValidator(deps: ValidatorDeps): Validator {
  const { config, hotkey, logger } = deps;
  const owner = new OwnerClient({ baseUrl: config.ownerApiUrl, hotkey });
  const invocations = new InvocationClient();
  const judge = new JudgeClient({ baseUrl: config.judgeUrl, timeoutMs: config.judgeTimeoutSeconds * 1000 });
  const running = new RunningTasks();
  const stopping = new AbortController();
  let judgeModel: string | null = null;
  let opened: Opened | null = null;
  let settle: { resolve: () => void; reject: (error: unknown) => void };
  const ended = new Promise<void>((resolve, reject) => (settle = { resolve, reject }));

  const service = createService({
    name: 'validator-engine',
    logger,
    readiness: {
      owner_api: async () => {
        const self = await owner.validatorSelf();
        if (!self.is_active) throw new Error(`hotkey ${hotkey.ss58} is on the owner's list, but not active`);
      },
      judge: () => judge.health(),
      temporal: async () => {
        if (!opened) throw new Error('not connected yet');
        await new LoopHandle(opened.client, hotkey.ss58).progress();
      },
    },
    routes: (app) => {
      app.get('/v1/status', (_req, res, next) => {
        status().then((body) => res.json(body), next);
      });
    },
  });
  const metrics = createValidatorMetrics(service.registry);

  async function open(): Promise<Opened> {
    const client = await connectTemporal(deps.temporal);
    const connection = await NativeConnection.connect(connectionOptions(deps.temporal));
    await ensureSearchAttributes(client);
    const store = filesystemEnrichmentStore(config.enrichmentDir, hotkey.ss58);
    const { namespace } = deps.temporal;
    const asks = layerConfigured(config.oracles);
    const oracles = asks
      ? await createOracleWorkers({
          connection,
          namespace,
          store,
          hotkey: hotkey.ss58,
          config: config.oracles,
        })
      : [];
    const worker = await createValidatorWorker({
      connection,
      namespace: deps.temporal.namespace,
      maxParallel: config.maxParallel,
      ...(deps.workflows ? { workflows: deps.workflows } : {}),
      deps: {
        settings: config,
        owner,
        invocations,
        judge,
        journals: new TaskJournals(config.journalDir),
        enrich: asks ? createEnricher(client, store, hotkey.ss58) : null,
        running,
        metrics,
        logger,
        validatorHotkey: hotkey.ss58,
        judgeModel: () => judgeModel ?? 'unknown',
        stopping: stopping.signal,
      },
    });
    return { client, connection, workers: [worker, ...oracles] };
  }

  async function status(): Promise<ValidatorStatus> {
    const local = {
      hotkey: hotkey.ss58,
      families: config.families,
      judge_model: judgeModel,
      active_tasks: running.views(),
    };
    const empty = { paused: null, ended: null, last_claim_at: null, last_error: null };
    const publication = { enabled: config.weights.enabled, last: null };
    if (!opened)
      return { ...local, ...empty, publication, phase: 'starting', reason: 'connects to Temporal' };
    try {
      const view = await new LoopHandle(opened.client, hotkey.ss58).progress();
      return {
        ...local,
        phase: stopping.signal.aborted ? 'stopping' : view.phase,
        reason: view.reason,
        paused: view.paused,
        ended: view.ended,
        last_claim_at: view.lastClaimAt,
        last_error: view.lastError,
        publication: { ...publication, last: view.publication },
      };
    } catch (error) {
      const reason = `the loop does not answer: ${messageOf(error)}`;
      return { ...local, ...empty, publication, phase: 'unknown', reason };
    }
  }

  let refresh: NodeJS.Timeout | undefined;
  async function askJudgeModel(): Promise<void> {
    try {
      judgeModel = (await judge.health()).judge_model;
    } catch (error) {
      logger.warn('the judge does not answer', { error: messageOf(error) });
    }
    if (stopping.signal.aborted) return;
    const wait = judgeModel === null ? JUDGE_MODEL_RETRY_MS : JUDGE_MODEL_REFRESH_MS;
    refresh = setTimeout(() => void askJudgeModel(), wait);
  }

  /** Waits, within the grace, until what is leased has been delivered; nothing new is claimed meanwhile. */
  async function drained(client: Client): Promise<void> {
    const until = Date.now() + config.shutdownGraceSeconds * 1000;
    const loop = new LoopHandle(client, hotkey.ss58);
    while (Date.now() < until) {
      // A loop that does not answer now cannot have its work delivered within the grace either.
      const left = await loop.progress().then(
        (view) => view.activeTasks.length,
        () => running.size,
      );
      if (left === 0) return;
      await sleep(Math.min(200, Math.max(0, until - Date.now())));
    }
  }

  return {
    service,
    status,
    ended,
    async start() {
      await askJudgeModel();
      opened = await open();
      const id = workflowIds.validator(hotkey.ss58);
      const taken = await takeUpAbandoned(opened.client, id, engineRole(hotkey.ss58));
      if (taken > 0) logger.info('goes on with what a process that ended had begun', { attempts: taken });
      Promise.all(opened.workers.map((worker) => worker.run())).then(() => settle.resolve(), settle.reject);
      await new LoopHandle(opened.client, hotkey.ss58).start(loopSettings(config));
    },
    async stop() {
      stopping.abort();
      clearTimeout(refresh);
      service.startDraining();
      if (opened) {
        await drained(opened.client);
        for (const worker of opened.workers) if (worker.getState() === 'RUNNING') worker.shutdown();
        await ended.catch((error: unknown) => logger.error('the worker broke', { error: messageOf(error) }));
        await opened.connection.close();
        await opened.client.connection.close();
      }
      await Promise.all([owner.close(), invocations.close(), judge.close()]);
    },
  };
}
