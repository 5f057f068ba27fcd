/** Bad input to every endpoint, made of the OpenAPI document; the gateway's own integration spec sends the same. */
export {
  type ApiDocument,
  type BadInput,
  badInputs,
  judgeRefusal,
  type RefusedWith,
  sendBadInput,
} from '@pgfleet/integration';
