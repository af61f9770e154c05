/** Whom requests to the API are signed for while developing; empty in a build, where it is the page's own host. */
declare const __DEV_API_HOST__: string;
/** The S3 door behind the development server's `/__s3`; empty in a build. */
declare const __DEV_S3__: string;
