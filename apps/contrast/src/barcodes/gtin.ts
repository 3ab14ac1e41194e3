/**
 * The check digit of a GS1 number (GS1 General Specifications, section 7.9.1): from the right, the digits before it count
 * three and one in turn, and the sum is filled up to a multiple of ten.
 *
 * @param digits all but the check digit
 */
export function checkDigitOf(digits: string): number {
  const sum = [...digits]
    .reverse()
    .reduce((total, digit, index) => total + Number(digit) * (index % 2 === 0 ? 3 : 1), 0);
  return (10 - (sum % 10)) % 10;
}

/** True for 14 digits of which the last is the check digit. */
export function isGtin14(text: string): boolean {
  return /^\d{14}$/.test(text) && checkDigitOf(text.slice(0, -1)) === Number(text.at(-1));
}

/** A GTIN-8, -12 or -13 as the GTIN-14 it is in a data carrier, filled with zeros; undefined if it is none. */
export function gtin14Of(text: string): string | undefined {
  const filled = /^(\d{8}|\d{12,14})$/.test(text) ? text.padStart(14, '0') : '';
  return isGtin14(filled) ? filled : undefined;
}
