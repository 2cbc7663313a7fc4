import type { Client } from '@temporalio/client';
import {
  VALIDATOR_MESSAGES,
  validatorTaskQueue,
  WORKFLOW_TYPES,
  workflowIds,
  type SteerRequest,
  type ValidatorLoopInput,
  type ValidatorProgressView,
} from '../../domain/messages';
import { keyword } from '../temporal/keyword';
import type { LoopSettings } from '../../domain/validator/loop';

const QUERY_TIMEOUT_MS = 5_000;

/** The validator's loop as seen from its process: started, steered and asked. */
export class LoopHandle {
  constructor(
    private readonly client: Client,
    private readonly hotkey: string,
  ) {}

  private get handle() {
    return this.client.workflow.getHandle(workflowIds.validator(this.hotkey));
  }

  /** Starts the loop, or has the one that runs go on with these settings. */
  async start(settings: LoopSettings): Promise<void> {
    const { hotkey } = this;
    const input: ValidatorLoopInput = { hotkey, settings };
    await this.client.workflow.signalWithStart(WORKFLOW_TYPES.validatorLoop, {
      workflowId: workflowIds.validator(hotkey),
      taskQueue: validatorTaskQueue(hotkey),
      args: [input],
      signal: VALIDATOR_MESSAGES.configure,
      signalArgs: [settings],
      staticSummary: `the work of validator ${hotkey}`,
      typedSearchAttributes: [
        keyword('EirelKind', 'validator'),
        keyword('EirelHotkey', hotkey),
        keyword('EirelFamily', settings.families.join(',')),
        keyword('EirelStatus', 'started'),
      ],
    });
  }

  pause(request: SteerRequest): Promise<void> {
    return this.handle.signal(VALIDATOR_MESSAGES.pause, request);
  }

  resume(request: SteerRequest): Promise<void> {
    return this.handle.signal(VALIDATOR_MESSAGES.resume, request);
  }

  /** @throws the client's error when the server or the loop's worker does not answer */
  progress(): Promise<ValidatorProgressView> {
    return this.client.withDeadline(Date.now() + QUERY_TIMEOUT_MS, () =>
      this.handle.query<ValidatorProgressView>(VALIDATOR_MESSAGES.progress),
    );
  }
}
