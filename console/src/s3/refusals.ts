// What the S3 door refuses, as what a person can do about it. Its codes and sentences are those of S3, made for
// programs; where it says more than a code's own sentence, that stays.

interface Refusal {
  /** What the door says where it has nothing more particular to say: `crates/s3/src/error.rs`. */
  bare: string;
  /** What that means here, and what to do. */
  words: string;
  /** What to do after whatever it says that is more particular, where that does not tell. */
  next?: string;
}

const AGAIN = "Send it again.";

export const REFUSALS: Record<string, Refusal> = {
  AccessDenied: {
    bare: "Access Denied",
    words: "This session has no right to do that here. Whoever owns or manages the bucket can grant it, or a security officer; the page Explain says step by step what is missing.",
  },
  BadDigest: { bare: "The digest you specified did not match what we received", words: `What arrived is not what was sent. ${AGAIN}`, next: AGAIN },
  BucketAlreadyExists: { bare: "The requested bucket name is not available", words: "The name is taken. Choose another one." },
  BucketAlreadyOwnedByYou: {
    bare: "Your previous request to create the named bucket succeeded and you already own it",
    words: "You have a bucket of this name already. Open it, or choose another name.",
  },
  BucketNotEmpty: {
    bare: "The bucket you tried to delete is not empty",
    words: "The bucket is not empty: older versions and unfinished uploads count too. Delete those first.",
  },
  EntityTooLarge: { bare: "Your proposed upload exceeds the maximum allowed size", words: "It is larger than the S3 door takes. Cut it into several objects." },
  EntityTooSmall: {
    bare: "Your proposed upload is smaller than the minimum allowed size",
    words: "A part of the upload is smaller than a part may be. Give the upload up, and send the file anew.",
  },
  IncompleteBody: {
    bare: "You did not provide the number of bytes specified by the Content-Length HTTP header",
    words: `Less arrived than was announced: the line was cut. ${AGAIN}`,
  },
  InternalError: {
    bare: "We encountered an internal error. Please try again.",
    words: "The server failed at this; nothing is wrong with what was asked. Try again, and if it fails again tell whoever runs Entente.",
  },
  InvalidAccessKeyId: {
    bare: "The AWS Access Key Id you provided does not exist in our records.",
    words: "The S3 door does not know the key of this session any more. Sign in with another one.",
  },
  InvalidArgument: { bare: "Invalid Argument", words: "The S3 door does not take a value as it was given. Look over what was entered." },
  InvalidBucketName: {
    bare: "The specified bucket is not valid.",
    words: "That is no name for a bucket. Take 3 to 63 small letters, digits, dots and hyphens, with a letter or digit at both ends.",
  },
  InvalidBucketState: {
    bare: "The request is not valid with the current state of the bucket.",
    words: "The bucket does not allow this as it is now. Load the page anew: its settings may have been changed.",
  },
  InvalidPart: {
    bare: "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
    words: "A part of the upload is not there, or is another one. Choose the file again: what is there is compared with it, and the rest is sent.",
  },
  InvalidRange: {
    bare: "The requested range is not satisfiable",
    words: "The object is shorter than what was asked of it: it was replaced meanwhile. Load the page anew.",
  },
  InvalidRequest: { bare: "Invalid Request", words: "The S3 door does not take this as it was asked. Look over what was entered." },
  InvalidRetentionPeriod: { bare: "Default retention period must be a positive integer value", words: "A retention lasts one day at least. Enter another number." },
  InvalidTag: {
    bare: "The tag provided was not a valid tag. This error can occur if the tag did not pass input validation.",
    words: "The S3 door does not take a tag as it was given. Change its name or its value.",
  },
  KeyTooLongError: { bare: "Your key is too long", words: "The name is too long. Take one of 1,024 bytes at most, its folders included." },
  MethodNotAllowed: {
    bare: "The specified method is not allowed against this resource.",
    words: "This version says that the object was deleted, and has no bytes. Look at an older one, or delete this one to bring the object back.",
  },
  NoSuchBucket: {
    bare: "The specified bucket does not exist",
    words: "Nothing of this name is known to this session: it may be mistyped, deleted, or above its label. Look for it in the list of buckets.",
  },
  NoSuchKey: {
    bare: "The specified key does not exist.",
    words: "There is no such object for this session, or no more. Load its folder anew to see those there are.",
  },
  NoSuchUpload: {
    bare: "The specified multipart upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
    words: "This upload is not there any more: it was completed or given up meanwhile. Choose the file again to send it.",
  },
  NoSuchVersion: { bare: "The specified version does not exist.", words: "There is no such version any more. Load the object anew to see those there are." },
  NotImplemented: { bare: "A header or query parameter you provided implies functionality that is not implemented", words: "The S3 door does not do what was asked." },
  PreconditionFailed: {
    bare: "At least one of the pre-conditions you specified did not hold",
    words: "There is one of this name already, or it was changed meanwhile. Load the page anew, and look before anything is replaced.",
  },
  RequestTimeTooSkewed: {
    bare: "The difference between the request time and the current time is too large.",
    words: "This machine’s clock and the server’s are more than 15 minutes apart. Set the one that is wrong, and try again.",
  },
  RequestTimeout: {
    bare: "Your socket connection to the server was not read from or written to within the timeout period.",
    words: "Nothing came through the line for too long. Try again when it is better.",
  },
  ServiceUnavailable: {
    bare: "Please reduce your request rate or try again later",
    words: "This cannot be done now. Try again in a moment, and if it stays so tell whoever runs the sites.",
    next: "If it stays so, tell whoever runs the sites.",
  },
  SignatureDoesNotMatch: {
    bare: "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
    words: "The signature does not fit what arrived. Sign in again; if it stays so, something between this browser and the S3 door changes what is sent.",
  },
  SlowDown: { bare: "Please reduce your request rate.", words: "The S3 door has as much to do as it takes at a time. Try again in some seconds." },
  XAmzContentSHA256Mismatch: {
    bare: "The provided 'x-amz-content-sha256' header does not match what was computed.",
    words: `What arrived is not what was sent. ${AGAIN}`,
  },
};

/** Where it only has a status: an answer to HEAD has no body. */
const STATUSES: Record<number, string> = {
  403: "This key may not do that here. The page Explain says step by step why.",
  404: "There is no such thing here, or not for this session. Go back to what there is.",
  412: REFUSALS.PreconditionFailed!.words,
  416: REFUSALS.InvalidRange!.words,
  500: REFUSALS.InternalError!.words,
  503: REFUSALS.ServiceUnavailable!.words,
};

/** The console asked in a way that the door does not know from it: nobody can mend that on the page. */
const REPORT = "If it is so again after the page is loaded anew, tell whoever runs Entente.";

export interface Refused {
  status: number;
  code?: string;
  message?: string;
  /** Of the request, as the log names it. */
  request?: string;
}

/** What was refused and what to do, in sentences; with the name of the request for whoever looks into the log. */
export function refusalInWords({ status, code, message, request }: Refused): string {
  const said = code === undefined ? (STATUSES[status] ?? `The S3 door answered ${status} and gave no reason. ${REPORT}`) : codeInWords(code, message);
  // What is not there is the same to whoever looks for it by one name or another, and in no log worth a look.
  return status === 404 || !request ? said : `${said} In the log it is request ${request}.`;
}

function codeInWords(code: string, message = ""): string {
  const known = REFUSALS[code];
  if (known && (message === "" || ended(message) === ended(known.bare))) return known.words;
  return [ended(message || code), known ? known.next : REPORT].filter(Boolean).join(" ");
}

function ended(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
