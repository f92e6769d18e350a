/**
 * The front door: a Regional REST API that streams. Everything goes to the proxy function, except `/admin/v1`,
 * which takes IAM-signed requests only, and `/approve`, whose link says who decides.
 */
import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib';
import {
  AuthorizationType,
  EndpointType,
  LambdaIntegration,
  LogGroupLogDestination,
  MethodLoggingLevel,
  ResponseTransferMode,
  RestApi,
} from 'aws-cdk-lib/aws-apigateway';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { accessLogFormat } from './access-log.ts';
import { addGatewayResponses } from './gateway-responses.ts';

/** The most that API Gateway waits for a streamed answer; buffered ones end at 29 s whatever is said. */
const STREAM_TIMEOUT = Duration.minutes(15);
const BUFFERED_TIMEOUT = Duration.seconds(29);

export interface GatewayProps {
  stage: string;
  proxy: LambdaFunction;
  admin: LambdaFunction;
  /** The approval page. */
  approve: LambdaFunction;
}

export class Gateway extends Construct {
  readonly api: RestApi;

  constructor(scope: Construct, id: string, { stage, proxy, admin, approve }: GatewayProps) {
    super(scope, id);
    const accessLog = new LogGroup(this, 'AccessLog', {
      retention: RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.api = new RestApi(this, 'Api', {
      restApiName: `spendcap-${stage}`,
      // Edge-optimised ones cut a stream after 30 s of silence, Regional ones after 5 min.
      endpointTypes: [EndpointType.REGIONAL],
      // Everything else is text; a form with a sound in it arrives as base64, which makes 4.5 MB of the limit.
      binaryMediaTypes: ['multipart/form-data'],
      // Without the account-wide role API Gateway writes no logs at all.
      cloudWatchRole: true,
      deployOptions: {
        stageName: stage,
        accessLogDestination: new LogGroupLogDestination(accessLog),
        accessLogFormat,
        // Errors only, never data: execution logs at a lower level carry headers and bodies.
        loggingLevel: MethodLoggingLevel.ERROR,
        dataTraceEnabled: false,
        metricsEnabled: true,
      },
    });
    const streamed = new LambdaIntegration(proxy, {
      responseTransferMode: ResponseTransferMode.STREAM,
      timeout: STREAM_TIMEOUT,
      allowTestInvoke: false,
    });
    this.api.root.addMethod('ANY', streamed);
    this.api.root.addProxy({ defaultIntegration: streamed });
    this.api.root
      .addResource('admin')
      .addResource('v1')
      .addProxy({
        defaultIntegration: new LambdaIntegration(admin, {
          timeout: BUFFERED_TIMEOUT,
          allowTestInvoke: false,
        }),
        defaultMethodOptions: { authorizationType: AuthorizationType.IAM },
      });
    const page = this.api.root.addResource('approve');
    for (const method of ['GET', 'HEAD', 'POST']) {
      page.addMethod(
        method,
        new LambdaIntegration(approve, { timeout: BUFFERED_TIMEOUT, allowTestInvoke: false }),
      );
    }
    addGatewayResponses(this.api);
    this.#acknowledge();
  }

  #acknowledge(): void {
    Validations.of(this.api).acknowledge(
      {
        id: 'AwsSolutions-APIG2',
        reason: 'The functions validate: their refusals are in the caller’s dialect and say what to mend.',
      },
      {
        id: 'AwsSolutions-APIG3',
        reason: 'No web ACL by default: callers hold keys, and its price is the operator’s to accept.',
      },
      {
        id: 'AwsSolutions-APIG4',
        reason:
          'The proxy checks Spendcap keys and OIDC tokens itself; an authorizer would be a second call.',
      },
      {
        id: 'AwsSolutions-COG4',
        reason: 'Callers are applications with keys, not users of a Cognito pool; the admin API uses IAM.',
      },
      {
        id: 'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]',
        reason: 'The account-wide logging role of API Gateway takes this managed policy by definition.',
      },
    );
  }
}
