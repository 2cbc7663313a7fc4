import { resolveOwner } from '../../../api/main';
import { apiConfigFromEnv } from '../../../api/config';
import { hotkeyFromUri } from '../../../adapters/keys/hotkey';

const base = { DATABASE_URL: 'postgresql://127.0.0.1/x' };

describe('settings of the owner API', () => {
  it('have the defaults of the wire', () => {
    const config = apiConfigFromEnv(base);
    expect(config).toMatchObject({
      host: '127.0.0.1',
      port: 8000,
      production: false,
      corsOrigins: ['*'],
      signatureTtlSeconds: 60,
      claimTimeoutSeconds: 900,
      maxBodyBytes: 250 * 1024 * 1024,
      submission: { rateLimitRequests: 5, rateLimitWindowSeconds: 3600, lifetimeCap: 2, cpuMillis: 2000 },
      fee: { treasury: null, minimumRao: 100_000_000n },
      run: { durationSeconds: 259_200, firstStart: null, taskQuorum: 1, scoringVersion: 2 },
      familyWeights: { general_chat: 1 },
      feedbackEnabled: true,
    });
    expect(config.submission.archive.maxBytes).toBe(200 * 1024 * 1024);
  });

  it.each<[Record<string, string>, RegExp]>([
    [{ DATABASE_URL: '' }, /DATABASE_URL/],
    [{ LAUNCH_MODE: 'production' }, /needs REDIS_URL/],
    [{ OWNER_API_PORT: '99999' }, /OWNER_API_PORT/],
    [{ SIGNATURE_TTL_SECONDS: 'soon' }, /SIGNATURE_TTL_SECONDS/],
    [{ EIREL_PUBLIC_URL: 'ftp://x' }, /EIREL_PUBLIC_URL.*http/],
    [{ EIREL_SUBMISSION_TREASURY_ADDRESS: '5nope' }, /EIREL_SUBMISSION_TREASURY_ADDRESS/],
    [{ EIREL_SUBMISSION_FEE_TAO: '-1' }, /EIREL_SUBMISSION_FEE_TAO/],
    [{ EIREL_FIRST_RUN_START_TIME: 'tomorrow' }, /EIREL_FIRST_RUN_START_TIME/],
    [{ EIREL_FAMILY_WEIGHTS: 'general_chat' }, /EIREL_FAMILY_WEIGHTS/],
    [{ EIREL_ACTIVE_FAMILIES: 'other' }, /EIREL_ACTIVE_FAMILIES/],
    [{ EIREL_RUN_MIN_SCORES_JSON: '{' }, /EIREL_RUN_MIN_SCORES_JSON/],
    [{ EIREL_SUBMISSION_MAX_BYTES: 'many' }, /EIREL_SUBMISSION_MAX_BYTES/],
  ])('refuse %j by name', (env, message) => {
    expect(() => apiConfigFromEnv({ ...base, ...env })).toThrow(message);
  });

  it('take the launch families alone in launch mode, which is not what LAUNCH_MODE says', () => {
    const families = (env: Record<string, string>) => apiConfigFromEnv({ ...base, ...env }).activeFamilies;
    expect(families({ EIREL_LAUNCH_MODE: 'true', EIREL_ACTIVE_FAMILIES: 'general_chat' })).toEqual([
      'general_chat',
    ]);
    expect(families({ EIREL_LAUNCH_MODE: 'false' })).toEqual(['general_chat']);
    expect(apiConfigFromEnv({ ...base, LAUNCH_MODE: 'launch' }).production).toBe(false);
  });

  it('name the owner by address, by mnemonic, or not at all', async () => {
    const alice = hotkeyFromUri('//Alice').ss58;
    const owner = (env: NodeJS.ProcessEnv) => resolveOwner(apiConfigFromEnv({ ...base, ...env }), env);
    expect(await owner({ EIREL_OWNER_HOTKEY_SS58: alice })).toBe(alice);
    expect(await owner({ EIREL_OWNER_MNEMONIC: '//Alice' })).toBe(alice);
    expect(await owner({})).toBeNull();
    await expect(owner({ EIREL_OWNER_HOTKEY_SS58: 'x' })).rejects.toThrow(/EIREL_OWNER_HOTKEY_SS58/);
  });
});
