import { notFound, type RequestContract, type RequestInput, type RequestOutput } from '@pgfleet/contracts';

type Answer = (input: unknown) => unknown;

/** What the services behind the gateway answer in a spec, and what they were asked. Without a word of the spec: 404. */
export class Answers {
  private readonly answers = new Map<RequestContract, Answer>();
  readonly asked: { contract: RequestContract; input: unknown }[] = [];

  on<R extends RequestContract>(
    contract: R,
    answer: (input: RequestInput<R>) => RequestOutput<R> | Promise<RequestOutput<R>>,
  ): void {
    this.answers.set(contract, answer as Answer);
  }

  reset(): void {
    this.answers.clear();
    this.asked.length = 0;
  }

  give<R extends RequestContract>(contract: R, input: unknown): RequestOutput<R> {
    this.asked.push({ contract, input });
    const answer = this.answers.get(contract);
    if (!answer) throw notFound('There is no such resource');
    return answer(input) as RequestOutput<R>;
  }
}
