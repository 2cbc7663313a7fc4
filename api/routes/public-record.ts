/** The public record: why a miner scored what it scored, and how a submission got where it is. */
import { z } from 'zod';
import {
  minerRunParams,
  minerRunRecord as minerRunSchema,
  minerSubmissionsPayload,
  publicJourneyPayload,
} from '../../domain/contracts/public-record';
import { defineRoute } from '../route';
import type { Route } from '../route';
import { minerRunRecord, minerSubmissions, publicJourney } from '../views/public-record';

const tags = ['public record'];
const BASE = '/api/v1/dashboard';

export const publicRecordRoutes: Route[] = [
  defineRoute(
    {
      method: 'get',
      path: `${BASE}/runs/{run}/miners/{hotkey}`,
      auth: 'public',
      summary: "A miner's tasks in a run with every factor of each score; texts once the run is completed",
      tags,
      request: { params: minerRunParams },
      responses: {
        200: { description: 'The tasks', schema: minerRunSchema },
        404: { description: 'No such run, or the miner is not in it' },
      },
    },
    ({ deps, params }) => minerRunRecord(deps, params.run, params.hotkey),
  ),
  defineRoute(
    {
      method: 'get',
      path: `${BASE}/submissions/{sid}/journey`,
      auth: 'public',
      summary: 'How a submission got where it is, with the reason at each step',
      tags,
      request: { params: z.object({ sid: z.string() }) },
      responses: {
        200: { description: 'The journey', schema: publicJourneyPayload },
        404: { description: 'No such submission' },
      },
    },
    ({ deps, params }) => publicJourney(deps, params.sid),
  ),
  defineRoute(
    {
      method: 'get',
      path: `${BASE}/miners/{hotkey}/submissions`,
      auth: 'public',
      summary: "A hotkey's submissions and scores",
      tags,
      request: { params: z.object({ hotkey: z.string() }) },
      responses: {
        200: { description: 'Submissions and scores', schema: minerSubmissionsPayload },
        404: { description: 'It never submitted anything' },
      },
    },
    ({ deps, params }) => minerSubmissions(deps, params.hotkey),
  ),
];
