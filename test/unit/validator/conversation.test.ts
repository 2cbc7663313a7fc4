import fc from 'fast-check';
import { agentInvocationRequestSchema } from '../../../domain/contracts/invocation';
import {
  invocationBody,
  judgeQuestion,
  lastQuestion,
  planTurns,
  type Message,
} from '../../../domain/validator/conversation';
import { payload } from './fixtures';

const context = (over: Record<string, unknown> = {}, slim = false) => ({
  taskId: 'task-1',
  familyId: 'general_chat',
  payload: payload(over),
  slim,
});

describe('turns of a task', () => {
  it('asks a task without turns once, under its own id', () => {
    expect(planTurns('task-1', payload())).toEqual([
      { kind: 'live', turnId: 'task-1', user: 'How tall is the tower?' },
    ]);
  });

  it('remembers scripted replies and asks the others, the last one always', () => {
    const turns = [
      { user: 'My name is Ada.', assistant: 'Noted.' },
      { user: 'What did I say?' },
      { user: 'And my name?', assistant: 'Ada' },
    ];
    expect(planTurns('t', payload({ turns }))).toEqual([
      { kind: 'scripted', user: 'My name is Ada.', assistant: 'Noted.' },
      { kind: 'live', turnId: 't-t1', user: 'What did I say?' },
      { kind: 'live', turnId: 't-t2', user: 'And my name?' },
    ]);
  });
});

describe('body of an invocation', () => {
  it('is what the original client sends', () => {
    expect(
      invocationBody(
        context({ web_search: true, inputs: { document_text: 'x' } }),
        { turnId: 'task-1', user: 'q' },
        [],
      ),
    ).toEqual({
      turn_id: 'task-1',
      prompt: 'q',
      mode: 'instant',
      web_search: true,
      history: [],
      inputs: { document_text: 'x', mode: 'instant', web_search: true },
      task_id: 'task-1',
      family_id: 'general_chat',
    });
  });

  it('keeps what the inputs say about mode and search, and reads the older tool list', () => {
    const body = invocationBody(
      context({ mode: null, allowed_tools: ['web_search'], inputs: { mode: 'thinking', web_search: false } }),
      { turnId: 't', user: 'q' },
      [],
    );
    expect(body).toMatchObject({
      mode: 'thinking',
      web_search: true,
      inputs: { mode: 'thinking', web_search: false },
    });
  });

  it('leaves the older ids out when slim', () => {
    const body = invocationBody(context({}, true), { turnId: 't', user: 'q' }, []);
    expect(body).not.toHaveProperty('task_id');
    expect(body).not.toHaveProperty('family_id');
  });

  it('never carries the gold answer, the category, the metadata or a turn that is still to come', () => {
    const turns = [{ user: 'first' }, { user: 'second' }, { user: 'SECRET-FUTURE' }];
    const secret = context({
      turns,
      category: 'SECRET-CATEGORY',
      metadata: { note: 'SECRET-META' },
      expected_output: { answer: 'SECRET-GOLD' },
    });
    const history: Message[] = [
      { role: 'user', content: 'first' },
      { role: 'assistant', content: 'reply' },
    ];
    const body = invocationBody(secret, { turnId: 'x-t1', user: 'second' }, history);
    expect(JSON.stringify(body)).not.toContain('SECRET');
    expect(body.turns).toEqual([{ user: 'first', assistant: 'reply' }]);
    expect(body.history).toEqual(history);
  });

  it('always fits the contract that agents check, and cuts no character in two', () => {
    const long = fc.constantFrom('x'.repeat(40_000), 'ä'.repeat(20_001), '\u{1F600}'.repeat(12_000));
    const message = fc.record({
      role: fc.constantFrom('user' as const, 'assistant' as const),
      content: fc.oneof({ weight: 9, arbitrary: fc.string() }, { weight: 1, arbitrary: long }),
    });
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 110, size: 'max' }),
        fc.string({ minLength: 1 }),
        (history, user) => {
          const body = invocationBody(context(), { turnId: 't', user }, history);
          const parsed = agentInvocationRequestSchema.safeParse(body);
          if (!parsed.success) throw new Error(parsed.error.message);
          return body.history.every(({ content }) => !content.includes('\uFFFD'));
        },
      ),
      { numRuns: 30, endOnFailure: true },
    );
  });
});

describe('what the judges see of a conversation', () => {
  const turns = [{ user: 'a', assistant: 'scripted' }, { user: 'b' }, { user: 'c', assistant: 'gold reply' }];

  it('is the script with the last question at the end, without the reply that would be the answer', () => {
    expect(judgeQuestion(payload({ turns }))).toBe('USER: a\nASSISTANT: scripted\nUSER: b\nUSER: c');
    expect(lastQuestion(payload({ turns }))).toBe('c');
  });

  it('is the prompt where there is no script', () => {
    expect(judgeQuestion(payload())).toBe('How tall is the tower?');
    expect(lastQuestion(payload())).toBe('How tall is the tower?');
  });
});
