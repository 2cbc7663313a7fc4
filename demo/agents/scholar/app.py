"""An agent on the published miner SDK: asks a strong model through the subnet's provider-proxy."""

import asyncio
import os

import httpx
from eirel.app import MinerApp
from eirel.provider import AgentProviderClient, MinerProviderConfig, ProviderRequestError
from eirel.runtime_context import get_active_job_id, get_active_job_token

# The SDK counts requests and tokens per client for its whole life; a fresh client per question starts at zero.
CONFIG = MinerProviderConfig.from_env(
    provider="chutes",
    model=os.environ.get("MINER_MODEL") or "moonshotai/Kimi-K2.5-TEE",
)
ATTEMPTS = 30
PAUSE_SECONDS = 1.0


def messages_of(payload):
    system = "Answer the question. Give the answer first, short and exact."
    if payload.get("mode") == "thinking":
        system += " Think it through before you answer."
    messages = [{"role": "system", "content": system}]
    for turn in payload.get("history") or []:
        messages.append({"role": turn["role"], "content": turn["content"]})
    prompt = payload["prompt"]
    document = (payload.get("inputs") or {}).get("document_text")
    if document:
        prompt = f"{prompt}\n\nDocument:\n{document}"
    messages.append({"role": "user", "content": prompt})
    return messages


async def ask(messages):
    """The proxy may be restarting: what is worth asking is worth asking again."""
    for attempt in range(ATTEMPTS):
        try:
            reply = await AgentProviderClient(CONFIG).chat_completions(
                {"messages": messages, "max_tokens": 512, "temperature": 0}
            )
            return reply["choices"][0]["message"]["content"]
        except (httpx.TransportError, ProviderRequestError) as error:
            transient = isinstance(error, httpx.TransportError) or any(
                f"returned {status}" in str(error) for status in (502, 503, 504)
            )
            if not transient or attempt == ATTEMPTS - 1:
                raise
            await asyncio.sleep(PAUSE_SECONDS)


async def call_tool(variable, path, body):
    """One call of an owner's tool service, under this question's own job. A tool that is away is tried again."""
    headers = {"X-Eirel-Job-Id": get_active_job_id() or "", "Authorization": f"Bearer {get_active_job_token() or ''}"}
    async with httpx.AsyncClient(timeout=60) as client:
        for attempt in range(ATTEMPTS):
            try:
                response = await client.post(os.environ[variable].rstrip("/") + path, json=body, headers=headers)
                if response.status_code not in (502, 503, 504):
                    return response.json() if response.is_success else None
            except httpx.TransportError:
                pass
            await asyncio.sleep(PAUSE_SECONDS)
    return None


async def look_up(payload):
    """What the tools say about the question: the web, a page, a corpus, or a computation."""
    inputs = payload.get("inputs") or {}
    if payload.get("web_search"):
        found = await call_tool("EIREL_WEB_SEARCH_URL", "/v1/search", {"query": payload["prompt"][:400], "top_k": 3})
        return "\n".join(item["snippet"] for item in (found or {}).get("documents", []))
    if inputs.get("url"):
        page = await call_tool("EIREL_URL_FETCH_URL", "/v1/fetch", {"url": inputs["url"]})
        return (page or {}).get("content", "")
    if inputs.get("corpus_id"):
        query = {"corpus_id": inputs["corpus_id"], "query": payload["prompt"], "k": 3}
        found = await call_tool("EIREL_RAG_URL", "/v1/rag/retrieve", query)
        return "\n".join(chunk["text"] for chunk in (found or {}).get("chunks", []))
    if inputs.get("expression"):
        done = await call_tool("EIREL_SANDBOX_URL", "/v1/execute", {"code": f"print({inputs['expression']})"})
        return (done or {}).get("stdout", "")
    return ""


async def answer(payload):
    messages = messages_of(payload)
    found = await look_up(payload)
    if found:
        messages.insert(1, {"role": "system", "content": f"What the tools found:\n{found[:4000]}"})
    text = await ask(messages)
    return {"status": "completed", "output": {"answer": text}, "citations": [], "metadata": {"agent": "scholar"}}


async def chat(payload):
    text = await ask(payload["messages"])
    return {"choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]}


app = MinerApp(title="scholar", handler=chat, agent_handler=answer).fastapi_app()
