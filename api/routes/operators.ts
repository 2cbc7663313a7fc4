/** Routes that the original's operators call with the internal token (api.md sections 4.1 and 4.4). */
import { z } from 'zod';
import { wireTime } from '../../domain/contracts/common';
import { defineRoute } from '../route';
import type { Route } from '../route';
import { advanceRun } from '../steering/advance';

const envWindow = z.object({
  capability: z.string(),
  family_id: z.string(),
  enabled: z.boolean(),
  min_completeness: z.number(),
  weight: z.number(),
  evaluation_split: z.string(),
  latest_window_membership_version: z.string(),
  tasks: z.array(z.unknown()),
});

export const operatorRoutes: Route[] = [
  defineRoute(
    {
      method: 'post',
      path: '/v1/operators/runs/rollover',
      auth: 'internal',
      fieldsBeforeAuth: true,
      summary: 'End the open run now and open the next one',
      tags: ['operators'],
      responses: {
        200: {
          description: 'The run that is open now',
          schema: z.object({
            status: z.literal('rolled_over'),
            run_id: z.string(),
            sequence: z.int(),
            started_at: wireTime.nullable(),
            ends_at: wireTime.nullable(),
          }),
        },
        409: { description: 'There is no run to end' },
        500: { description: 'No other run opened in time' },
        503: { description: "The run's workflow does not answer" },
      },
    },
    async ({ deps }) => {
      const run = await advanceRun(deps, 'internal-service');
      return {
        status: 'rolled_over' as const,
        run_id: run.id,
        sequence: run.sequence,
        started_at: run.started_at,
        ends_at: run.ends_at,
      };
    },
  ),
  defineRoute(
    {
      method: 'get',
      path: '/v1/env-windows',
      auth: 'public',
      summary: 'What is evaluated, by family; the same always',
      tags: ['runs'],
      responses: { 200: { description: 'One window a family', schema: z.array(envWindow) } },
    },
    ({ deps }) =>
      deps.config.activeFamilies.map((family) => ({
        capability: family,
        family_id: family,
        enabled: true,
        min_completeness: 1,
        weight: deps.config.familyWeights[family] ?? 0,
        evaluation_split: 'managed_run',
        latest_window_membership_version: `${family}:managed:v1`,
        tasks: [],
      })),
  ),
];
