/** One container of a function: a process of Lambda's runtime client with the code in a folder, and Lambda beside it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Invocation, startRuntimeApi, type RuntimeApi } from './runtime-api.ts';

export interface ContainerOptions {
  /** Of Lambda's runtime client. */
  entry: string;
  /** Folder with `<module>.mjs`. */
  code: string;
  /** `module.export` */
  handler: string;
  environment: Record<string, string>;
}

const LASTS_MS = 900_000;
const MEMORY_MB = '512';

export class Container {
  /** Lines on standard output and error. */
  readonly said: string[] = [];
  /** Processes so far; a second one means that the first died. */
  starts = 0;
  readonly #options: ContainerOptions;
  readonly #api: RuntimeApi;
  #child: ChildProcess | undefined;

  private constructor(options: ContainerOptions, api: RuntimeApi) {
    this.#options = options;
    this.#api = api;
  }

  static async open(options: ContainerOptions): Promise<Container> {
    // The rest is on standard error, and the process ends.
    const api = await startRuntimeApi((why) => container.said.push(why));
    const container: Container = new Container(options, api);
    return container;
  }

  /** As Lambda does: the container is started when it is needed, and stopped at the deadline. */
  async invoke(
    event: unknown,
    { lastsMs = LASTS_MS, isCut = false }: { lastsMs?: number; isCut?: boolean } = {},
  ): Promise<{ invocation: Invocation; over: 'next' | 'exit' }> {
    const invocation = new Invocation(event, lastsMs);
    if (isCut) invocation.cutAtFirstPiece();
    if (!this.#child) await this.#start();
    const deadline = setTimeout(() => this.#child?.kill('SIGKILL'), lastsMs);
    this.#api.send(invocation);
    const over = await invocation.over;
    clearTimeout(deadline);
    return { invocation, over };
  }

  async close(): Promise<void> {
    const child = this.#child;
    if (child) {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }
    await this.#api.close();
  }

  async #start(): Promise<void> {
    const { entry, code, handler, environment } = this.#options;
    this.starts += 1;
    const child = spawn(process.execPath, [entry], {
      cwd: code,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        AWS_LAMBDA_RUNTIME_API: this.#api.address,
        LAMBDA_TASK_ROOT: code,
        _HANDLER: handler,
        AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
        AWS_LAMBDA_FUNCTION_NAME: 'proxy',
        AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: MEMORY_MB,
        AWS_LAMBDA_LOG_GROUP_NAME: 'proxy',
        AWS_LAMBDA_LOG_STREAM_NAME: 'container',
        ...environment,
      },
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => this.said.push(text));
    }
    const killAtExit = (): void => void child.kill('SIGKILL');
    process.once('exit', killAtExit);
    child.once('exit', () => {
      process.removeListener('exit', killAtExit);
      this.#child = undefined;
      this.#api.containerDied();
    });
    this.#child = child;
    await once(child, 'spawn');
  }
}
