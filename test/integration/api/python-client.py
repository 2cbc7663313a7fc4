"""A validator's round as its Python engine makes it: httpx, the published SDK's signer, json.dumps as it is."""
import json
import sys

import httpx
import sr25519
from eirel.signing import Signer


class Keypair:
    """What the SDK wants of a wallet's key."""

    def __init__(self, address, seed):
        self.ss58_address = address
        self.pair = sr25519.pair_from_seed(seed)

    def sign(self, message):
        return sr25519.sign(self.pair, message.encode())


def main(base, address, seed, miner):
    signer = Signer(keypair=Keypair(address, bytes.fromhex(seed)))
    client = httpx.Client(base_url=base, timeout=30)

    def call(method, path, payload=None, query=""):
        body = b"" if payload is None else json.dumps(payload).encode()
        headers = signer.signed_headers(method, path, body)
        if payload is not None:
            headers["Content-Type"] = "application/json"
        response = client.request(method, path + query, content=body, headers=headers)
        return response.status_code, response.json()

    claimed, claim = call("POST", "/v1/families/general_chat/tasks/claim", {"batch_size": 1})
    task = claim["tasks"][0]
    result = {
        "baseline_response": {"response_text": "12.4 percent", "citations": [], "source_vendor": "openai"},
        "miner_results": [
            {
                "miner_hotkey": offered["hotkey"],
                "verdict": "matches",
                "agreement_score": 1.0,
                "miner_response": {"output": {"answer": "é 12.4"}, "metadata": {"odd": float("nan")}},
                "miner_citations": [{"url": "https://example.org/report", "title": None}],
                "judge_output": {"verdict": "matches", "metadata": {"eval_outcome": "correct", "composite_score": 1.0}},
                "miner_latency_seconds": 3.0,
                "latency_seconds": 1.0,
                "proxy_cost_usd": 0.0,
                "judge_cost_usd": 0.001,
                "final_task_score": 1.0,
                "applied_weights": {"grounded_correctness": 1.0},
                "applicable_metrics": ["grounded_correctness"],
                "task_type": task["task_payload"]["category"],
            }
            for offered in task["miners"]
        ],
        "validator_hotkey": address,
        "judge_model": "local-rubric-judge",
        "oracle_cost_usd": 0.031,
    }
    path = f"/v1/families/general_chat/task-evaluations/{task['task_evaluation_id']}/result"
    accepted = call("POST", path, result)
    again = call("POST", path, result)
    status = call("GET", "/v1/families/general_chat/tasks/status", query="?run_id=run-1")
    job = task["miners"][0]["auth_headers"]["Authorization"]
    ledger_path = "/v1/internal/eval/job_ledger?job_id=task-eval=x;deployment=y"
    headers = signer.signed_headers("GET", ledger_path, b"")
    ledger = client.get(ledger_path, headers=headers).status_code
    weights = call("GET", "/v1/weights")
    failed, _ = call("POST", "/v1/families/general_chat/tasks/claim", {"batch_size": 1})
    print(
        json.dumps(
            {
                "claim": claimed,
                "miners": len(task["miners"]),
                "bearer": job.startswith("Bearer "),
                "result": accepted,
                "again": again,
                "status": status,
                "ledger": ledger,
                "weights": weights[0],
                "second_claim": failed,
            }
        )
    )


main(*sys.argv[1:])
