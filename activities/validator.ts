import { createClaiming } from './validator/claiming';
import type { ValidatorActivityDeps } from './validator/deps';
import { createWeights } from './validator/weights';
import { createWorking } from './validator/working';

/** What the validator's loop does: claim, work on tasks, deliver, look after weights. */
export function createValidatorActivities(deps: ValidatorActivityDeps) {
  return { ...createClaiming(deps), ...createWorking(deps), ...createWeights(deps) };
}
export type ValidatorActivities = ReturnType<typeof createValidatorActivities>;
