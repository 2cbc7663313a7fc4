import type { SubmissionManifest } from '../domain/contracts/manifest';
import { mintDeploymentToken } from '../domain/job-token';

/** What the owner gives every agent, by the environment. Nothing in here is a secret of the owner's. */
export interface AgentServices {
  providerProxyUrl: string;
  toolUrls: { webSearch: string; sandbox: string; urlFetch: string; rag: string };
  runBudgetUsd: number;
}

/** The agent's environment (runtime-and-tools.md section 1.8), with credentials scoped to this deployment only. */
export function agentEnvironment(
  deploymentId: string,
  manifest: SubmissionManifest,
  services: AgentServices,
  jobTokenSecret: string,
): Record<string, string> {
  const token = mintDeploymentToken({ deploymentId }, jobTokenSecret);
  return {
    MINER_SUBMISSION_ID: deploymentId,
    MINER_HEALTH_PATH: manifest.runtime.health_path,
    MINER_INVOKE_PATH: manifest.runtime.invoke_path,
    MINER_PACKAGE_MODE: manifest.sdk_runtime.package_mode,
    MINER_ENTRY_MODULE: manifest.sdk_runtime.entry_module ?? 'app',
    MINER_APP_OBJECT: manifest.sdk_runtime.app_object,
    MINER_DEPENDENCY_GROUP: manifest.sdk_runtime.dependency_group ?? '',
    MINER_PROVIDER: manifest.inference.providers[0] ?? 'chutes',
    MINER_MODEL: manifest.inference.model ?? '',
    MINER_PROVIDER_MODE: 'proxy',
    // The owner's proxy is the only way to the agent, and it carries the attempt's own credentials.
    EIREL_DISABLE_REQUEST_AUTH: '1',
    EIREL_RUN_BUDGET_USD: String(services.runBudgetUsd),
    EIREL_PROVIDER_MAX_REQUESTS: '1000',
    EIREL_PROVIDER_MAX_TOTAL_TOKENS: '2000000',
    EIREL_PROVIDER_MAX_WALL_CLOCK_SECONDS: '3600',
    EIREL_PROVIDER_PER_REQUEST_TIMEOUT_SECONDS: '120',
    EIREL_PROVIDER_PROXY_URL: services.providerProxyUrl,
    EIREL_PROVIDER_PROXY_TOKEN: token,
    EIREL_PROVIDER_PROXY_JOB_ID: `miner-${deploymentId}`,
    EIREL_WEB_SEARCH_URL: services.toolUrls.webSearch,
    EIREL_SANDBOX_URL: services.toolUrls.sandbox,
    EIREL_URL_FETCH_URL: services.toolUrls.urlFetch,
    EIREL_RAG_URL: services.toolUrls.rag,
  };
}
