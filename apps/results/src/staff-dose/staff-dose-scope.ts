import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { fail, hasScope } from '#platform';

/** Lets in who has the scope `staff-dose`; what else a client may do gives no way to the doses of staff. */
@Injectable()
export class StaffDoseScope implements CanActivate {
  /** @throws Failure forbidden */
  canActivate(context: ExecutionContext): boolean {
    if (hasScope(context.switchToHttp().getRequest<object>(), 'staff-dose')) return true;
    throw fail('forbidden', 'doses of staff need a client of API_TOKENS with the scope staff-dose');
  }
}
