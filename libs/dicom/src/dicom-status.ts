/**
 * A DIMSE failure to be answered (PS3.7 annex C). The comment says what is wrong and holds no patient data; on the wire
 * it is cut to the 64 characters of VR LO.
 */
export class DicomStatus extends Error {
  override readonly name = 'DicomStatus';
  constructor(
    readonly status: number,
    message: string,
    /** (0000,0903), where the standard defines one for the case. */
    readonly errorId?: number,
  ) {
    super(message);
  }
}
