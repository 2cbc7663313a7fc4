/** Everything that a validator needs, looked at once, with what to do about what is missing. */
import { WalletEncrypted } from '../../adapters/keys/errors';
import { hotkeyFromEnv } from '../../adapters/keys/wallet';
import type { Hotkey } from '../../adapters/keys/types';
import type { WeightState } from '../../adapters/chain/types';
import { EXIT, exitCodeOf, type ExitCode } from '../exit-codes';
import {
  askNode,
  chainSettings,
  judgeChainClock,
  judgePermit,
  judgeRegistration,
  judgeStake,
  readStanding,
} from './chain';
import { examine, Finding, skipped, type CheckResult, type Examined } from './check';
import { lookAtDisk, lookAtTemporal } from './machine';
import { askJudge, modelEndpoints, tryKey } from './models';
import { judgeSkew, reachOwner, trySignature, type OwnerReached } from './owner';

export interface Diagnosis {
  ok: boolean;
  hotkey: string | null;
  checks: CheckResult[];
  /** Of the first check that failed. */
  exitCode: ExitCode;
}

/** A value that later checks need, or the reason why they cannot be made. */
class Later<T> {
  value: T | undefined;
  constructor(private readonly missing: string) {}
  get(): T {
    if (this.value === undefined) throw skipped(`not looked at: ${this.missing}`, 'mend what is above first');
    return this.value;
  }
}

/** Runs every check; none changes anything but search attributes of the Temporal namespace. */
export async function diagnose(env: NodeJS.ProcessEnv, dataDir: string): Promise<Diagnosis> {
  const key = new Later<Hotkey>('there is no hotkey');
  const owner = new Later<OwnerReached>('the owner API is not reached');
  const standing = new Later<WeightState>('the chain was not read');
  const ownerUrl = (env.OWNER_API_URL?.trim() || 'http://127.0.0.1:8000').replace(/\/+$/, '');
  const judgeUrl = env.EIREL_JUDGE_SERVICE_URL?.trim();
  const examined: Examined[] = [];
  const look = async (check: string, act: () => string | Promise<string>): Promise<void> => {
    examined.push(await examine(check, async () => act()));
  };

  await look('wallet', async () => {
    try {
      key.value = await hotkeyFromEnv(env, 'EIREL_VALIDATOR');
    } catch (error) {
      throw new Finding(
        (error as Error).message,
        error instanceof WalletEncrypted
          ? 'the password is read once, at the start of each process: best from a file that only its user can read'
          : 'name the wallet in EIREL_VALIDATOR_WALLET_NAME and EIREL_VALIDATOR_HOTKEY_NAME (folder: EIREL_VALIDATOR_WALLET_PATH), or give a phrase in EIREL_VALIDATOR_MNEMONIC',
        exitCodeOf(error),
      );
    }
    return `hotkey ${key.value.ss58}`;
  });
  await look('disk', () => lookAtDisk(dataDir));
  await look('temporal', () => lookAtTemporal(env, dataDir));
  await look('owner api', async () => {
    owner.value = await reachOwner(ownerUrl);
    return `${ownerUrl} answers`;
  });
  await look('clock', () => judgeSkew(owner.get().aheadSeconds, "the owner's clock"));
  await look('signature', () => trySignature(owner.get().url, key.get()));
  await look('chain', async () => {
    const config = chainSettings(env);
    const node = await askNode(config);
    const chainClock = await examine('clock', async () => judgeChainClock(node.clock));
    if (chainClock.status !== 'ok') {
      throw new Finding(chainClock.found, chainClock.fix ?? '', chainClock.exitCode);
    }
    if (key.value) standing.value = await readStanding(config, key.value.ss58);
    return `${node.text}; ${chainClock.found}`;
  });
  const netuid = Number(env.BITTENSOR_NETUID ?? 0);
  await look('registration', () => judgeRegistration(standing.get(), key.get().ss58, netuid));
  await look('permit', () => judgePermit(registered(standing.get())));
  await look('stake', () =>
    judgeStake(registered(standing.get()), Number(env.EIREL_MIN_STAKE_TO_SET_WEIGHTS || 0)),
  );
  await look('judge', () => askJudge(judgeUrl || 'http://127.0.0.1:8095', Boolean(judgeUrl)));
  for (const endpoint of modelEndpoints(env)) await look(`key of ${endpoint.role}`, () => tryKey(endpoint));

  const failed = examined.find(({ status }) => status === 'failed');
  return {
    ok: failed === undefined,
    hotkey: key.value?.ss58 ?? null,
    checks: examined.map(({ check, status, found, fix }) => ({ check, status, found, fix })),
    exitCode: failed?.exitCode ?? EXIT.ok,
  };
}

function registered(state: WeightState): WeightState {
  if (state.uid === null) throw skipped('not looked at: the hotkey is not registered', 'register it first');
  return state;
}
