import { chainConfigFromEnv, MAINNET_GENESIS, NETWORKS } from '../../../adapters/chain/config';

describe('chainConfigFromEnv', () => {
  it('is mainnet with its fallbacks by default', () => {
    expect(chainConfigFromEnv({ BITTENSOR_NETUID: '36' })).toEqual({
      network: 'finney',
      archiveEndpoints: NETWORKS.archive?.endpoints,
      maxLagSeconds: 180,
      endpoints: NETWORKS.finney?.endpoints,
      netuid: 36,
      callTimeoutMs: 30_000,
      expectedGenesis: MAINNET_GENESIS,
    });
  });

  it('takes an address, an override list, a timeout and a genesis', () => {
    const genesis = `0x${'AB'.repeat(32)}`;
    expect(
      chainConfigFromEnv({ BITTENSOR_NETUID: '1', BITTENSOR_NETWORK: 'ws://10.0.0.1:9944' }),
    ).toMatchObject({
      endpoints: ['ws://10.0.0.1:9944'],
      expectedGenesis: null,
    });
    expect(
      chainConfigFromEnv({
        BITTENSOR_NETUID: '1',
        BITTENSOR_NETWORK: 'local',
        EIREL_CHAIN_ENDPOINTS: 'ws://a:1, wss://b ,',
        EIREL_CHAIN_CALL_TIMEOUT_SECONDS: '2.5',
        EIREL_CHAIN_EXPECTED_GENESIS: genesis,
      }),
    ).toMatchObject({
      endpoints: ['ws://a:1', 'wss://b'],
      callTimeoutMs: 2_500,
      expectedGenesis: genesis.toLowerCase(),
    });
  });

  it.each([
    [{}, 'BITTENSOR_NETUID'],
    [{ BITTENSOR_NETUID: '0' }, 'BITTENSOR_NETUID'],
    [{ BITTENSOR_NETUID: 'x' }, 'BITTENSOR_NETUID'],
    [{ BITTENSOR_NETUID: '1', BITTENSOR_NETWORK: 'fynney' }, 'BITTENSOR_NETWORK'],
    [{ BITTENSOR_NETUID: '1', BITTENSOR_NETWORK: 'toString' }, 'BITTENSOR_NETWORK'],
    [{ BITTENSOR_NETUID: '1', EIREL_CHAIN_ENDPOINTS: 'http://a' }, 'EIREL_CHAIN_ENDPOINTS'],
    [{ BITTENSOR_NETUID: '1', EIREL_CHAIN_CALL_TIMEOUT_SECONDS: '0' }, 'EIREL_CHAIN_CALL_TIMEOUT_SECONDS'],
    [{ BITTENSOR_NETUID: '1', EIREL_CHAIN_EXPECTED_GENESIS: '0x12' }, 'EIREL_CHAIN_EXPECTED_GENESIS'],
  ])('refuses %j and names the variable', (env, name) => {
    expect(() => chainConfigFromEnv(env)).toThrow(
      expect.objectContaining({ name: 'ChainConfigError', message: expect.stringContaining(name) }),
    );
  });
});
