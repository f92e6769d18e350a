/**
 * What is posted by https goes to the test's receiver instead, by http and with its path. Loaded before the function by the
 * test's own NODE_OPTIONS: the function itself reaches public addresses alone, and an emulator of AWS is none.
 */
import http from 'node:http';
import https from 'node:https';
import { syncBuiltinESMExports } from 'node:module';
import { URL } from 'node:url';

const { WEBHOOK_RECEIVER } = process.env;

https.request = ({ pathname, host }, { method, signal, headers }, answered) =>
  http.request(
    new URL(pathname, WEBHOOK_RECEIVER),
    { method, signal, headers: { ...headers, 'x-sent-to': host } },
    answered,
  );
syncBuiltinESMExports();
