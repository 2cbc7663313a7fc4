import type { Client } from '@temporalio/client';
import { JudgeClient } from '../../adapters/judge-client';
import type { Hotkey } from '../../adapters/keys/types';
import { messageOf, type Logger } from '../../adapters/logging';
import { InvocationClient, OwnerClient } from '../../adapters/owner-client';
import { createService, type Service } from '../http';
import type { ValidatorConfig } from './config';
import { ValidatorEngine, type EngineStatus } from './engine';
import { createValidatorMetrics } from './metrics';
import { WeightPublisher } from './publisher';

export interface ValidatorDeps {
  config: ValidatorConfig;
  hotkey: Hotkey;
  logger: Logger;
  /** null where no Temporal address is configured: then nothing is published. */
  connectTemporal: (() => Promise<Client>) | null;
}

export interface Validator {
  service: Service;
  engine: ValidatorEngine;
  start(): void;
  /** Stops claiming, ends or gives back what is leased within the grace, frees the connections. */
  stop(): Promise<void>;
}

/** Body of `GET /v1/status`. */
export interface ValidatorStatus extends EngineStatus {
  hotkey: string;
  families: readonly string[];
  judge_model: string | null;
  publication: { enabled: boolean; reason?: string } & Partial<ReturnType<WeightPublisher['status']>>;
}

const JUDGE_MODEL_REFRESH_MS = 60_000;
const JUDGE_MODEL_RETRY_MS = 5_000;
const PUBLICATION_OFF =
  'TEMPORAL_ADDRESS is not set: set it (and run a worker with EIREL_WORKER_QUEUES=publication and this hotkey) to publish weights';

/** Puts the engine together: claim loop, weight publisher, and the HTTP app that shows them. */
export function createValidator(deps: ValidatorDeps): Validator {
  const { config, hotkey, logger } = deps;
  const owner = new OwnerClient({ baseUrl: config.ownerApiUrl, hotkey });
  const invocations = new InvocationClient();
  const judge = new JudgeClient({ baseUrl: config.judgeUrl, timeoutMs: config.judgeTimeoutSeconds * 1000 });
  let judgeModel: string | null = null;
  let publisher: WeightPublisher | null = null;

  const service = createService({
    name: 'validator-engine',
    logger,
    readiness: {
      owner_api: async () => {
        const self = await owner.validatorSelf();
        if (!self.is_active) throw new Error(`hotkey ${hotkey.ss58} is on the owner's list, but not active`);
      },
      judge: () => judge.health(),
    },
    routes: (app) => {
      app.get('/v1/status', (_req, res) => {
        res.json(status());
      });
    },
  });
  const metrics = createValidatorMetrics(service.registry);
  const engine = new ValidatorEngine({
    config,
    owner,
    invocations,
    judge,
    metrics,
    logger,
    validatorHotkey: hotkey.ss58,
    judgeModel: () => judgeModel ?? 'unknown',
  });
  if (deps.connectTemporal) {
    publisher = new WeightPublisher({
      owner,
      connect: deps.connectTemporal,
      hotkey: hotkey.ss58,
      netuid: config.weights.netuid,
      family: config.families[0] as string,
      intervalMs: config.weights.intervalBlocks * config.weights.blockSeconds * 1000,
      pollMs: config.weights.pollSeconds * 1000,
      metrics,
      logger,
    });
  }

  function status(): ValidatorStatus {
    return {
      hotkey: hotkey.ss58,
      families: config.families,
      judge_model: judgeModel,
      ...engine.status(),
      publication: publisher
        ? { enabled: true, ...publisher.status() }
        : { enabled: false, reason: PUBLICATION_OFF },
    };
  }

  let refresh: NodeJS.Timeout | undefined;
  let stopped = false;
  async function askJudgeModel(): Promise<void> {
    try {
      judgeModel = (await judge.health()).judge_model;
    } catch (error) {
      logger.warn('the judge does not answer', { error: messageOf(error) });
    }
    if (!stopped) {
      const wait = judgeModel === null ? JUDGE_MODEL_RETRY_MS : JUDGE_MODEL_REFRESH_MS;
      refresh = setTimeout(() => void askJudgeModel(), wait);
    }
  }

  return {
    service,
    engine,
    start() {
      void askJudgeModel();
      engine.start();
      if (publisher) publisher.start();
      else logger.warn(`publication of weights is off: ${PUBLICATION_OFF}`);
    },
    async stop() {
      stopped = true;
      clearTimeout(refresh);
      service.startDraining();
      await Promise.all([engine.stop(), publisher?.stop()]);
      await Promise.all([owner.close(), invocations.close(), judge.close()]);
    },
  };
}
