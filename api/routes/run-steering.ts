import { closeBody, extendBody, steerBody, steerPayload } from '../../domain/contracts/admin';
import { idParams } from '../../domain/contracts/common';
import type { SteerAction } from '../../domain/run-steering';
import { defineRoute } from '../route';
import type { Route } from '../route';
import { steerRun } from '../steering/run';

const tags = ['admin'];
const responses = {
  200: { description: 'Done, or already so', schema: steerPayload },
  404: { description: 'No such run' },
  409: { description: "The run's state does not allow it" },
  503: { description: "The run's workflow does not answer" },
};

const SUMMARIES: Record<Exclude<SteerAction, 'close' | 'extend'>, string> = {
  pause: 'Pause a run: no new claims, running leases finish, the timer stands still',
  resume: 'Resume a paused run',
  open: 'Open a scheduled run now',
  retry: 'Try the step that a run is stuck in again now',
};

const orderOf = (
  body: { reason: string; dry_run: boolean; via: 'api' | 'cli'; order_id?: string | undefined },
  hotkey: string,
) => ({ actor: hotkey, via: body.via, orderId: body.order_id, reason: body.reason, dryRun: body.dry_run });

const plain = (action: Exclude<SteerAction, 'close' | 'extend'>): Route =>
  defineRoute(
    {
      method: 'post',
      path: `/v1/admin/runs/{id}/${action}`,
      auth: 'owner',
      summary: SUMMARIES[action],
      tags,
      request: { params: idParams, body: steerBody },
      responses,
    },
    ({ deps, params, body, hotkey }) =>
      steerRun(deps, { action, runId: params.id, ...orderOf(body, hotkey) }),
  );

export const runSteeringRoutes: Route[] = [
  plain('pause'),
  plain('resume'),
  plain('open'),
  plain('retry'),
  defineRoute(
    {
      method: 'post',
      path: '/v1/admin/runs/{id}/close',
      auth: 'owner',
      summary: 'Close a run, after its running leases (drain) or at once (now)',
      tags,
      request: { params: idParams, body: closeBody },
      responses,
    },
    ({ deps, params, body, hotkey }) =>
      steerRun(deps, { action: 'close', runId: params.id, ...orderOf(body, hotkey), mode: body.mode }),
  ),
  defineRoute(
    {
      method: 'post',
      path: '/v1/admin/runs/{id}/extend',
      auth: 'owner',
      summary: 'Move the end of a run, by seconds or to a time',
      tags,
      request: { params: idParams, body: extendBody },
      responses,
    },
    ({ deps, params, body, hotkey }) =>
      steerRun(deps, {
        action: 'extend',
        runId: params.id,
        ...orderOf(body, hotkey),
        seconds: body.seconds,
        until: body.until,
      }),
  ),
];
