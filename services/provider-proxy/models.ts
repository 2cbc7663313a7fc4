import { KNOWN_PROVIDERS } from '../../adapters/llm';
import { HttpError } from '../../domain/http-errors';
import { providersOf, type PriceTable } from '../../domain/pricing/prices';
import type { Caller } from './auth';

const NAMED_AT_MOST = 40;

interface Catalogue {
  prices: PriceTable;
  ownerOnly: ReadonlySet<string>;
}

/**
 * Tells which provider's model an OpenAI-shaped request means: `provider/model` when the part before the first slash
 * is a known provider, else the one provider that lists the model by its own name.
 * @throws HttpError 400 that names what is allowed, for a model that nobody lists or that several do
 */
export function resolveModel(
  name: string,
  caller: Caller,
  catalogue: Catalogue,
): { provider: string; model: string } {
  const slash = name.indexOf('/');
  const head = name.slice(0, Math.max(0, slash));
  if ((KNOWN_PROVIDERS as readonly string[]).includes(head)) {
    return { provider: head, model: name.slice(slash + 1) };
  }
  const listed = providersOf(name, catalogue.prices).filter((provider) =>
    mayCall(provider, caller, catalogue),
  );
  const [provider] = listed;
  if (provider && listed.length === 1) return { provider, model: name };
  if (provider) {
    const choices = listed.map((each) => `${each}/${name}`).join(' or ');
    throw new HttpError(400, `several providers have the model ${name}; ask for ${choices}`);
  }
  const allowed = allowedModels(caller, catalogue);
  const more = allowed.length - NAMED_AT_MOST;
  const names = allowed.slice(0, NAMED_AT_MOST).join(', ') + (more > 0 ? ` and ${more} more` : '');
  throw new HttpError(400, `unknown model ${name}; allowed are ${names || 'none'}`, {
    error_code: 'unknown_model',
  });
}

/** What a caller may ask for, as `provider/model`; `provider/*` is any model of that provider. */
export function allowedModels(caller: Caller, catalogue: Catalogue): string[] {
  return Object.keys(catalogue.prices)
    .map((key) => ({ provider: key.slice(0, key.indexOf(':')), model: key.slice(key.indexOf(':') + 1) }))
    .filter(({ provider }) => mayCall(provider, caller, catalogue))
    .map(({ provider, model }) => `${provider}/${model}`);
}

function mayCall(provider: string, caller: Caller, catalogue: Catalogue): boolean {
  return caller.isOwner || !catalogue.ownerOnly.has(provider);
}
