import { answerText, parseStreamLine } from '../../../domain/contracts/invocation';
import { citationsOf, StreamFold, toolNameOf, unaryResponse } from '../../../domain/validator/answer';

function fold(...lines: string[]) {
  const stream = new StreamFold();
  for (const line of lines) {
    const event = parseStreamLine(line);
    if (event) stream.add(event);
  }
  return stream.response();
}

describe('a stream folded into a response', () => {
  it('fills a missing answer from the deltas', () => {
    const response = fold(
      '{"event":"delta","text":"330 "}',
      '{"event":"delta","text":"metres"}',
      '{"event":"done","status":"completed"}',
    );
    expect(response).toMatchObject({ status: 'completed', output: { answer: '330 metres' }, error: null });
  });

  it('keeps the answer that done carries', () => {
    expect(
      fold('{"event":"delta","text":"draft"}', '{"event":"done","output":{"answer":"final"}}').output,
    ).toEqual({ answer: 'final' });
  });

  it('counts a stream without done as completed, and skips lines that are no events', () => {
    const response = fold('not json', '{"event":"surprise"}', '', '{"event":"delta","text":"x"}');
    expect(response).toMatchObject({ status: 'completed', output: { answer: 'x' } });
  });

  it('lets done replace the streamed citations, and the attested calls replace all others', () => {
    const response = fold(
      '{"event":"citation","citation":"http://streamed"}',
      '{"event":"tool_call","tool_call":{"tool":"sandbox_python"}}',
      '{"event":"done","citations":["http://final"],"tool_calls":[{"tool":"forged"}],"metadata":{"executed_tool_calls":[{"tool_name":"web_search","status":"ok"}]}}',
    );
    expect(response.citations).toEqual(['http://final']);
    expect(response.tool_calls).toEqual([{ tool_name: 'web_search', status: 'ok' }]);
  });

  it('keeps what was streamed where done says nothing about it', () => {
    const response = fold(
      '{"event":"citation","citation":{"url":"http://a"}}',
      '{"event":"tool_call","tool_call":{"tool":"url_fetch"}}',
      '{"event":"done"}',
    );
    expect(response.citations).toEqual([{ url: 'http://a' }]);
    expect(response.tool_calls).toEqual([{ tool: 'url_fetch' }]);
  });

  it('ignores everything after done', () => {
    expect(
      fold('{"event":"done","output":{"answer":"a"}}', '{"event":"done","output":{"answer":"b"}}').output,
    ).toEqual({ answer: 'a' });
  });

  it('reports a failure with its error', () => {
    expect(fold('{"event":"done","status":"failed","error":"pod returned 500"}')).toMatchObject({
      status: 'failed',
      error: 'pod returned 500',
    });
  });
});

describe('the answer of the unary route', () => {
  it.each([
    [{ output: { answer: 'a', content: 'b', text: 'c' } }, 'a'],
    [{ output: { content: 'b', text: 'c' } }, 'b'],
    [{ output: { text: 'c' }, output_text: 'd' }, 'c'],
    [
      {
        output: {
          content: [
            { type: 'text', text: 'one' },
            { type: 'text', text: 'two' },
          ],
        },
      },
      'one\n\ntwo',
    ],
    [{ output: 'plain' }, 'plain'],
    [{ output_text: 'd', response_text: 'e' }, 'd'],
    [{ response_text: 'e', text: 'f' }, 'e'],
    [{ text: 'f', content: 'g' }, 'f'],
    [{ content: 'g' }, 'g'],
    [{ output: { score: 1 } }, ''],
  ])('is looked up in the order of the contract: %j', (body, expected) => {
    const response = unaryResponse(body);
    expect(response).not.toBeNull();
    expect(answerText({ output: response?.output })).toBe(expected);
  });

  it('is nothing when it is not an object', () => {
    expect(unaryResponse('text')).toBeNull();
    expect(unaryResponse([1])).toBeNull();
    expect(unaryResponse(undefined)).toBeNull();
  });
});

describe('citations', () => {
  it('are the union of citations and of what searches and fetches returned, one per URL', () => {
    const sources = citationsOf({
      citations: ['http://a', { url: 'http://b', title: 'B' }, { title: 'no url' }, 7, ' '],
      tool_calls: [
        {
          tool: 'Web_Search',
          results: [
            { url: 'http://a', title: 'again' },
            { url: 'http://c', title: 'C' },
          ],
        },
        { name: 'url_fetch', results: [{ url: 'http://d' }] },
        { tool: 'sandbox_python', results: [{ url: 'http://never' }] },
        { tool: 'web_search' },
      ],
    });
    expect(sources).toEqual([
      { url: 'http://a' },
      { url: 'http://b', title: 'B' },
      { url: 'http://c', title: 'C' },
      { url: 'http://d' },
    ]);
  });

  it('read a tool name from any of its spellings', () => {
    expect(
      [{ tool: ' Web_Search ' }, { name: 'url_fetch' }, { tool_name: 'rag.retrieve' }, {}].map(toolNameOf),
    ).toEqual(['web_search', 'url_fetch', 'rag.retrieve', '']);
  });
});
