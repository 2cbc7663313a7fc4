/** What operators tell a run: understood or refused in words, carried out once, and written down with the run's row. */
import {
  condition,
  defineQuery,
  defineSignal,
  defineUpdate,
  isCancellation,
  log,
  proxyActivities,
  uuid4,
} from '@temporalio/workflow';
import type { RetryPolicy, SignalDefinition, UpdateDefinition } from '@temporalio/common';
import { FINAL_FAULTS } from '../../domain/faults';
import {
  RUN_MESSAGES,
  TASK_QUEUES,
  type RunEpochState,
  type RunProgressView,
  type SteerAnswer,
} from '../../domain/messages';
import { cleanText } from '../../domain/orders';
import {
  STEER_ACTIONS,
  decideOrder,
  readOrder,
  type SteerAction,
  type SteerOrder,
  type SteerVerdict,
} from '../../domain/run-steering';
import type { RunActivities } from '../../activities/runs';

export const runProgressQuery = defineQuery<RunProgressView>(RUN_MESSAGES.progress);
/** Every action both ways: an update answers, a signal is what the Web UI and scripts find easiest. */
export const steerSignals = byAction<SignalDefinition<[unknown?]>>((action) => defineSignal(action));
export const steerUpdates = byAction<UpdateDefinition<SteerAnswer, [unknown?]>>((action) =>
  defineUpdate(action),
);

function byAction<T>(define: (action: SteerAction) => T): Record<SteerAction, T> {
  return Object.fromEntries(STEER_ACTIONS.map((action) => [action, define(action)])) as Record<
    SteerAction,
    T
  >;
}

/** Of what is done beside the steps, for as long as it takes. */
export const BESIDE_RETRY: RetryPolicy = {
  initialInterval: '500 ms',
  maximumInterval: '30 seconds',
  nonRetryableErrorTypes: [...FINAL_FAULTS],
};

const records = proxyActivities<RunActivities>({
  taskQueue: TASK_QUEUES.control,
  startToCloseTimeout: '30 seconds',
  retry: BESIDE_RETRY,
});

/** Orders that are remembered so that one sent twice is carried out once. */
const REMEMBERED_ORDERS = 200;

export class RunSteering {
  /** Grows whenever somebody asks for another attempt of a stuck step. */
  retries = 0;
  /** Orders are written down one after another, each as the run stands by then. */
  private written: Promise<void> = Promise.resolve();

  /**
   * @param state is changed by orders; @param loaded whether it is known yet; @param view what is answered
   */
  constructor(
    private readonly runId: string,
    private readonly state: RunEpochState,
    private readonly loaded: () => boolean,
    private readonly view: () => RunProgressView,
  ) {}

  async steer(action: SteerAction, sent: unknown): Promise<SteerAnswer> {
    await condition(() => this.loaded());
    const order = readOrder(action, sent);
    const verdict = this.decide(order);
    if (verdict.outcome === 'applied') {
      Object.assign(this.state, verdict.change);
      if (action === 'retry') this.retries += 1;
      if (order.id !== null) this.state.orders = [...this.state.orders, order.id].slice(-REMEMBERED_ORDERS);
    }
    await this.record(order, verdict);
    return { outcome: verdict.outcome, message: verdict.message, progress: this.view() };
  }

  private decide(order: SteerOrder): SteerVerdict {
    if (order.id !== null && this.state.orders.includes(order.id)) {
      return { outcome: 'unchanged', message: 'this order was carried out before', change: {} };
    }
    return decideOrder({ ...this.state, stuckStep: this.state.stuck?.step ?? null }, order, Date.now());
  }

  /** A signal that nobody knows is an operator's slip of the hand: it is kept, with what would have been understood. */
  async unknownSignal(name: string): Promise<void> {
    await condition(() => this.loaded());
    const message = `no such signal; a run knows ${STEER_ACTIONS.join(', ')}`;
    await this.write(() =>
      records.recordSteering({
        id: uuid4(),
        runId: this.runId,
        action: cleanText(name, 40),
        order: null,
        outcome: 'refused',
        message,
        row: null,
      }),
    );
  }

  private async record(order: SteerOrder, { outcome, message }: SteerVerdict): Promise<void> {
    const id = order.id ?? uuid4();
    await this.write(() =>
      records.recordSteering({
        id,
        runId: this.runId,
        action: order.action,
        order,
        outcome,
        message,
        row: outcome === 'applied' ? rowOf(this.state) : null,
      }),
    );
  }

  private write(act: () => Promise<void>): Promise<void> {
    this.written = this.written.then(act).catch((error: unknown) => {
      // Only a row that is gone gets here; the run itself must not end by it.
      if (isCancellation(error)) throw error;
      log.error('an order could not be written down', { error });
    });
    return this.written;
  }
}

function rowOf({ startsAt, endsAt, pausedAt }: RunEpochState) {
  return { startsAt: iso(startsAt), endsAt: iso(endsAt), pausedAt: pausedAt === null ? null : iso(pausedAt) };
}

/** Epoch milliseconds as ISO-8601. */
export function iso(ms: number): string {
  return new Date(ms).toISOString();
}
