import { Body, Controller, HttpCode, Inject, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { CLOCK, fail, HoldsNoPatient, type Clock } from '#platform';
import type { ContrastPolicy } from '../policy/contrast-policy.js';
import { CONTRAST_POLICY } from '../policy/load-policy.js';
import { humanReadable, readBarcode, type Barcode } from './gs1.js';
import { packageOf, type KnownPackage } from './known-package.js';

/** Reads barcodes for whoever has a scanner and no parser. Nothing is stored. */
@ApiTags('barcodes')
@HoldsNoPatient('what a barcode of a package says')
@Controller('barcodes')
export class BarcodesController {
  constructor(
    @Inject(CONTRAST_POLICY) private readonly policy: ContrastPolicy | undefined,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @ApiOperation({
    summary:
      'What a GS1 barcode says: { barcode } as an element string, in parentheses, a GS1 Digital Link or a GTIN; with the product, where the policy has its GTIN',
  })
  @Post('read')
  @HttpCode(200)
  read(@Body() body: { barcode?: unknown }): Barcode & { text: string; product?: KnownPackage } {
    const { barcode } = body ?? {};
    if (typeof barcode !== 'string') throw fail('field-missing', 'send { "barcode": "…" }', { field: 'barcode' });
    const read = readBarcode(barcode, this.clock.now());
    const product = packageOf(read.gtin, this.policy);
    return { ...read, text: humanReadable(read), ...(product ? { product } : {}) };
  }
}
