/** Bad input for every endpoint, generated from the OpenAPI document. The gateway's integration spec sends the same. */
export {
  type ApiDocument,
  type BadInput,
  badInputs,
  judgeRefusal,
  type RefusedWith,
  sendBadInput,
} from '@pgfleet/integration';
