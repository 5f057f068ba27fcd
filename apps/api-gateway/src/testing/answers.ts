import { notFound, type RequestContract, type RequestInput, type RequestOutput } from '@pgfleet/contracts';

type Answer = (input: unknown) => unknown;

/** The answers of the services behind the gateway in a spec, and the requests they got. The default answer is a 404. */
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
    if (!answer) throw notFound('The resource does not exist');
    return answer(input) as RequestOutput<R>;
  }
}
