import type { Bundle, Medication, MedicationAdministration, MedicationRequest, ServiceRequest } from 'fhir/r4.js';
import { Journal } from './journal.js';

/** The technologist's contrast documentation: reads the plan and records what was given, by FHIR REST. */
export class SandboxTechnologist {
  constructor(
    private readonly contrastUrl: string,
    readonly journal = new Journal(),
  ) {}

  /** The contrast record of an order, once it is there. */
  async planOf(placerOrderNumber: string): Promise<MedicationRequest | undefined> {
    const [order] = await this.search<ServiceRequest>(`ServiceRequest?identifier=${placerOrderNumber}`);
    if (!order) return undefined;
    const [plan] = await this.search<MedicationRequest>(`MedicationRequest?based-on=ServiceRequest/${order.id}`);
    return plan;
  }

  /** Records that the planned agent was given as planned. */
  async record(plan: MedicationRequest, number: string): Promise<MedicationAdministration> {
    const dose = plan.dosageInstruction?.[0];
    const amount = dose?.doseAndRate?.[0];
    const agent: Medication = {
      resourceType: 'Medication',
      id: 'agent',
      code: plan.medicationCodeableConcept,
      batch: { lotNumber: 'LOT-4711', expirationDate: '2028-12-31' },
    };
    const administration: MedicationAdministration = {
      resourceType: 'MedicationAdministration',
      contained: [agent],
      identifier: [{ system: 'urn:sandbox:contrast-administration', value: number }],
      status: 'completed',
      medicationReference: { reference: '#agent' },
      subject: plan.subject,
      request: { reference: `MedicationRequest/${plan.id}` },
      effectiveDateTime: new Date().toISOString(),
      performer: [{ actor: { display: 'Sandbox technologist' } }],
      dosage: {
        route: dose?.route,
        dose: amount?.doseQuantity,
        ...(amount?.rateQuantity ? { rateQuantity: amount.rateQuantity } : {}),
      },
    };
    const response = await fetch(`${this.contrastUrl}/fhir/MedicationAdministration`, {
      method: 'POST',
      headers: { 'content-type': 'application/fhir+json' },
      body: JSON.stringify(administration),
    });
    this.journal.write(
      'technologist',
      `records ${amount?.doseQuantity?.value} ${amount?.doseQuantity?.unit} of ${plan.medicationCodeableConcept?.text} by FHIR, gets ${response.status}`,
      administration,
    );
    if (!response.ok) throw new Error(`the contrast administration was refused: ${await response.text()}`);
    return (await response.json()) as MedicationAdministration;
  }

  private async search<T>(query: string): Promise<T[]> {
    const response = await fetch(`${this.contrastUrl}/fhir/${query}`);
    if (!response.ok) throw new Error(`the contrast service answered ${response.status} to ${query.split('?')[0]}`);
    return ((await response.json()) as Bundle).entry?.map(({ resource }) => resource as T) ?? [];
  }
}
