"""Every name that traces carry, in one place. Those of GenAI follow OpenTelemetry's conventions as of SCHEMA.

The conventions for generative AI still change; a test compares these with the package of that very version, so that an
upgrade which renames one is noticed here and not in a dashboard.
"""

SCHEMA = "https://opentelemetry.io/schemas/1.44.0"
SCOPE = "returns_desk.triage"

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
CONVERSATION = "gen_ai.conversation.id"
WORKFLOW = "gen_ai.workflow.name"
REQUEST_MODEL = "gen_ai.request.model"
REQUEST_TEMPERATURE = "gen_ai.request.temperature"
REQUEST_SEED = "gen_ai.request.seed"
RESPONSE_MODEL = "gen_ai.response.model"
FINISH_REASONS = "gen_ai.response.finish_reasons"
FIRST_CHUNK_SECONDS = "gen_ai.response.time_to_first_chunk"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
TOOL_NAME = "gen_ai.tool.name"
TOOL_TYPE = "gen_ai.tool.type"
TOOL_CALL_ID = "gen_ai.tool.call.id"
ERROR_TYPE = "error.type"

# Content: only where OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT is true, since it holds what customers wrote.
INPUT_MESSAGES = "gen_ai.input.messages"
OUTPUT_MESSAGES = "gen_ai.output.messages"
TOOL_ARGUMENTS = "gen_ai.tool.call.arguments"
TOOL_RESULT = "gen_ai.tool.call.result"
CONTENT = (INPUT_MESSAGES, OUTPUT_MESSAGES, TOOL_ARGUMENTS, TOOL_RESULT)

INVOKE_WORKFLOW = "invoke_workflow"
TEXT_COMPLETION = "text_completion"
EXECUTE_TOOL = "execute_tool"

# Our own, under our own prefix.
PROVIDER_VALUE = "returns_desk"
WORKFLOW_VALUE = "triage"
PART = "returns_desk.part"
ROUTE = "returns_desk.route"
ROUTE_REASON = "returns_desk.route.reason"
VERDICT = "returns_desk.verdict"
DECISION = "returns_desk.decision"
CLAUSE = "returns_desk.clause"
TOOL_STATUS = "returns_desk.tool.status"
