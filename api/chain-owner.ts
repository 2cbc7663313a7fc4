import type { ApiDeps } from './deps';

/** Coldkey that the chain has for a hotkey; null where it has none, or cannot be asked now. */
export async function resolveNeuronOwner({ chain, logger }: ApiDeps, hotkey: string): Promise<string | null> {
  try {
    return (await chain?.resolveOwner(hotkey)) ?? null;
  } catch (error) {
    logger.warn('the owner of a hotkey could not be read', { hotkey, error });
    return null;
  }
}
