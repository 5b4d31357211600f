// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.qemu;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParseException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A value that a QMP peer sent. Asked for what it is not, it gives what the caller says instead. Made with Jackson's
 * parser alone: to load its data binding takes longer than to open a guest.
 *
 * @param value a {@code Map} or {@code List} of these, a {@code String}, {@code Long} or {@code Boolean};
 *              {@link #NOTHING}'s for anything else
 */
record QmpValue(Object value) {
    static final QmpValue NOTHING = new QmpValue("");
    /** The answers of a guest with 1,000 vCPUs have some ten thousand. */
    private static final int MAX_VALUES = 1_000_000;
    private static final JsonFactory JSON = new JsonFactory();

    /**
     * Reads one JSON value.
     *
     * @throws IOException when the text is not JSON, nested too deeply, or of too many values
     */
    static QmpValue parse(String text) throws IOException {
        try (JsonParser parser = JSON.createParser(text)) {
            parser.nextToken();
            return read(parser, new int[] {MAX_VALUES});
        }
    }

    /** The parser bounds how deep this goes: StreamReadConstraints. */
    private static QmpValue read(JsonParser parser, int[] left) throws IOException {
        if (--left[0] < 0) {
            throw new JsonParseException(parser, "too many values");
        }
        JsonToken token = parser.currentToken();
        if (token == null) {
            throw new JsonParseException(parser, "ends too early");
        }
        switch (token) {
            case START_OBJECT: {
                Map<String, QmpValue> members = new HashMap<>();
                while (parser.nextToken() == JsonToken.FIELD_NAME) {
                    String name = parser.currentName();
                    parser.nextToken();
                    members.put(name, read(parser, left));
                }
                return new QmpValue(members);
            }
            case START_ARRAY: {
                List<QmpValue> elements = new ArrayList<>();
                while (parser.nextToken() != JsonToken.END_ARRAY) {
                    elements.add(read(parser, left));
                }
                return new QmpValue(elements);
            }
            case VALUE_STRING:
                return new QmpValue(parser.getText());
            case VALUE_NUMBER_INT:
                return parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER ? NOTHING
                        : new QmpValue(parser.getLongValue());
            case VALUE_TRUE, VALUE_FALSE:
                return new QmpValue(token == JsonToken.VALUE_TRUE);
            default:
                return NOTHING;
        }
    }

    boolean isObject() {
        return value instanceof Map;
    }

    boolean isText() {
        return value instanceof String && this != NOTHING;
    }

    boolean has(String member) {
        return get(member) != NOTHING;
    }

    /** A member of an object, {@link #NOTHING} where there is none. */
    QmpValue get(String member) {
        return value instanceof Map<?, ?> members && members.get(member) instanceof QmpValue found ? found : NOTHING;
    }

    /** The elements of an array, none of anything else. */
    List<QmpValue> elements() {
        List<QmpValue> elements = new ArrayList<>();
        if (value instanceof List<?> list) {
            list.forEach(element -> elements.add((QmpValue) element));
        }
        return elements;
    }

    String text(String otherwise) {
        return isText() ? (String) value : otherwise;
    }

    long number(long otherwise) {
        return value instanceof Long number ? number : otherwise;
    }

    boolean isTrue() {
        return Boolean.TRUE.equals(value);
    }

    /** A QMP command as JSON on one line. */
    static String request(String command, long id, Map<String, String> arguments) {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = JSON.createGenerator(text)) {
            json.writeStartObject();
            json.writeStringField("execute", command);
            json.writeNumberField("id", id);
            if (!arguments.isEmpty()) {
                json.writeObjectFieldStart("arguments");
                for (Map.Entry<String, String> argument : arguments.entrySet()) {
                    json.writeStringField(argument.getKey(), argument.getValue());
                }
                json.writeEndObject();
            }
            json.writeEndObject();
        } catch (IOException e) {
            throw new IllegalStateException("a text in memory cannot be written", e);
        }
        return text + "\n";
    }
}
