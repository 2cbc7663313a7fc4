"""An agent on the published miner SDK: asks a strong model through the subnet's provider-proxy."""

import asyncio
import os

import httpx
from eirel.app import MinerApp
from eirel.provider import AgentProviderClient, MinerProviderConfig, ProviderRequestError

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


async def answer(payload):
    text = await ask(messages_of(payload))
    return {"status": "completed", "output": {"answer": text}, "citations": [], "metadata": {"agent": "scholar"}}


async def chat(payload):
    text = await ask(payload["messages"])
    return {"choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]}


app = MinerApp(title="scholar", handler=chat, agent_handler=answer).fastapi_app()
