import ca.uhn.hl7v2.DefaultHapiContext;
import ca.uhn.hl7v2.HL7Exception;
import ca.uhn.hl7v2.HapiContext;
import ca.uhn.hl7v2.model.GenericMessage;
import ca.uhn.hl7v2.model.Group;
import ca.uhn.hl7v2.model.Message;
import ca.uhn.hl7v2.model.Segment;
import ca.uhn.hl7v2.model.Structure;
import ca.uhn.hl7v2.parser.UnexpectedSegmentBehaviourEnum;
import ca.uhn.hl7v2.validation.impl.ValidationContextFactory;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

/**
 * Judges HL7 v2 messages, one in base64 a line: answers a line "OK", or what is wrong with it. A message must be one of
 * HAPI's own structures, hold no segment out of place, have every required segment and field, no field too often, and
 * values of their data types.
 */
public class Judge {
  public static void main(String[] arguments) throws Exception {
    HapiContext context = new DefaultHapiContext(ValidationContextFactory.defaultValidation());
    context.getParserConfiguration().setDefaultObx2Type(null);
    context.getParserConfiguration().setUnexpectedSegmentBehaviour(UnexpectedSegmentBehaviourEnum.THROW_HL7_EXCEPTION);
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      String text = new String(Base64.getDecoder().decode(line), StandardCharsets.UTF_8);
      System.out.println(verdict(context, text));
      System.out.flush();
    }
  }

  private static String verdict(HapiContext context, String text) {
    List<String> faults = new ArrayList<>();
    try {
      Message message = context.getPipeParser().parse(text);
      if (message instanceof GenericMessage) faults.add("MSH-9 names no structure of version " + message.getVersion());
      else judge(message, faults);
    } catch (HL7Exception fault) {
      faults.add(String.valueOf(fault.getMessage()).replaceAll("\\s+", " "));
    }
    return faults.isEmpty() ? "OK" : String.join("; ", faults);
  }

  /** HAPI's models mark each alternative of a choice (OBR|RQD|RQ1|RXO|ODS|ODT) required: one of them has to be there. */
  private static void judge(Group group, List<String> faults) throws HL7Exception {
    boolean hasChoice = false;
    boolean hasChosen = false;
    for (String name : group.getNames()) {
      Structure[] all = group.getAll(name);
      boolean isThere = false;
      for (Structure one : all) isThere |= !one.isEmpty();
      boolean isChoice = group.isChoiceElement(name);
      hasChoice |= isChoice;
      hasChosen |= isChoice && isThere;
      if (group.isRequired(name) && !isThere && !isChoice) faults.add(name + " is required in " + group.getName());
      if (!group.isRepeating(name) && all.length > 1) faults.add(name + " may not repeat");
      for (Structure one : all) {
        if (one.isEmpty()) continue;
        if (one instanceof Group inner) judge(inner, faults);
        else judge((Segment) one, faults);
      }
    }
    if (hasChoice && !hasChosen) faults.add("one alternative is required in " + group.getName());
  }

  private static void judge(Segment segment, List<String> faults) throws HL7Exception {
    for (int field = 1; field <= segment.numFields(); field++) {
      int count = 0;
      for (var value : segment.getField(field)) if (!value.isEmpty()) count++;
      int most = segment.getMaxCardinality(field);
      String name = segment.getName() + "-" + field;
      if (segment.isRequired(field) && count == 0) faults.add(name + " is required");
      if (most > 0 && count > most) faults.add(name + " may be there " + most + " times");
    }
  }
}
