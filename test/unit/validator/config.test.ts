import { loopSettings, validatorConfigFromEnv } from '../../../services/validator-engine/config';
import { errorType } from '../../../activities/validator/weights';

describe('settings of the validator engine', () => {
  it('has the defaults of the specification', () => {
    expect(validatorConfigFromEnv({})).toMatchObject({
      listen: { port: 8010 },
      autoLoop: true,
      families: ['general_chat'],
      batchSize: 1,
      maxParallel: 3,
      pollIntervalSeconds: 30,
      fanOutTimeoutSeconds: 1500,
      latencyBudgets: { instant: 120, thinking: 600 },
      judgeTimeoutSeconds: 60,
      weights: { intervalBlocks: 180, blockSeconds: 12, enabled: true },
    });
  });

  it('gives the loop what it runs by, and no cadence where weights are published by something else', () => {
    expect(loopSettings(validatorConfigFromEnv({}))).toMatchObject({
      claims: true,
      weights: { netuid: 0, intervalSeconds: 2160, pollSeconds: 30 },
    });
    const without = validatorConfigFromEnv({ EIREL_VALIDATOR_PUBLISH_WEIGHTS: 'off' });
    expect(loopSettings(without).weights).toBeNull();
  });

  it('names every variable that is wrong', () => {
    const wrong = {
      EIREL_VALIDATOR_BATCH_SIZE: '41',
      EIREL_VALIDATOR_ACTIVE_FAMILIES: 'analyst',
      OWNER_API_URL: 'ftp://owner',
    };
    expect(() => validatorConfigFromEnv(wrong)).toThrow(
      /OWNER_API_URL[\s\S]*ACTIVE_FAMILIES[\s\S]*BATCH_SIZE|BATCH_SIZE/,
    );
    for (const name of Object.keys(wrong)) expect(() => validatorConfigFromEnv(wrong)).toThrow(name);
  });
});

describe('kinds of chain errors', () => {
  it.each([
    ['rpc_down: the socket closed', 'connection'],
    ['too soon: the chain takes weights again at block 9', 'rate_limited'],
    ['no_permit: the hotkey has no validator permit', 'auth'],
    ['stake_too_low: 4 < 5', 'insufficient_stake'],
    ['the call timed out', 'timeout'],
    ['something else', 'exception'],
    ['', 'other'],
  ])('%s is %s', (reason, kind) => {
    expect(errorType(reason)).toBe(kind);
  });
});
