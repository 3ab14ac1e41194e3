/** Transfer syntaxes we speak (PS3.5 Annex A). */
export const implicitVrLittleEndian = '1.2.840.10008.1.2';
export const explicitVrLittleEndian = '1.2.840.10008.1.2.1';

/** Transfer syntaxes a data set may be read and written in; anything else is refused at association. */
export const supportedTransferSyntaxes: readonly string[] = [explicitVrLittleEndian, implicitVrLittleEndian];
