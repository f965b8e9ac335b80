# ruff: noqa: E501 - a template and its result read best on one line
from __future__ import annotations

import html
import json
import re
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelwright.errors import AccessRefused, BlobNotFound, TemplateError
from labelwright.templates import Rendered, parse

INPUT = json.loads(
    r"""
{"source-ref": "s3://pics/a b&c.jpg", "labels": ["a", "b\"c", "d'e"], "n": 1.5, "flag": true, "nothing": null,
 "html": "<b>&</b>", "obj": {"x": [1, 2]}, "m": {"p": {"class-name": "Sky", "hex-color": "#112233"}},
 "manifestLine": {"j1": {"annotations": [{"class_id": 0, "left": 4}]}, "j1-metadata": {"class-map": {"0": "dog"}}}}
"""
)


def sign(bucket: str, key: str) -> str:
    return f"https://store.example/{bucket}/{quote(key)}?X-Amz-Expires=60&X-Amz-Signature=ab"


def render(text: str, data: dict[str, object] | None = None) -> Rendered:
    return parse(text).render(INPUT if data is None else data, sign=sign)


def shown(text: str, data: dict[str, object] | None = None) -> str:
    rendered = render(text, data)
    assert rendered.errors == []
    return rendered.html


SIGNED = "https://store.example/pics/a%20b%26c.jpg?X-Amz-Expires=60&amp;X-Amz-Signature=ab"
LABELS = "[&quot;a&quot;,&quot;b\\&quot;c&quot;,&quot;d&#39;e&quot;]"


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ task.input.labels | to_json | escape }}", LABELS),
        ("{{ task.input.labels | to_json }}", LABELS),
        ("{{ task.input.labels }}", LABELS),
        ("{{ task.input.obj }}", "{&quot;x&quot;:[1,2]}"),
        ("{{ task.input.html }}", "&lt;b&gt;&amp;&lt;/b&gt;"),
        ("{{ task.input.html | escape }}", "&lt;b&gt;&amp;&lt;/b&gt;"),
        ("{{ task.input.html | escape_once }}", "&lt;b&gt;&amp;&lt;/b&gt;"),
        ("{{ task.input.html | skip_autoescape }}", "<b>&</b>"),
        ('{{ "A &amp; B" | escape_once }}', "A &amp; B"),
        ("{{ task.input.n }}{{ task.input.flag }}{{ task.input.nothing }}{{ task.input.zz.yy }}", "1.5true"),
        ("{{ task.input.source-ref | grant_read_access }}", SIGNED),
        ("{% capture u %}{{ task.input.source-ref }}{% endcapture %}{{ u | grant_read_access }}", SIGNED),
        ("{% capture u %}{{ task.input.source-ref }}{% endcapture %}{{ u }}", "s3://pics/a b&amp;c.jpg"),
        (
            "{% for p in task.input.m %}{{ p[1]['class-name'] | to_json }}: {{ p[1]['hex-color'] | to_json }}"
            "{% endfor %}",
            "&quot;Sky&quot;: &quot;#112233&quot;",
        ),
        (
            "{% for b in task.input.manifestLine.j1.annotations %}{% capture i %}{{ b.class_id }}{% endcapture %}"
            "{% assign l = task.input.manifestLine.j1-metadata.class-map[i] %}{{ l }}{{ b.left }}{% endfor %}",
            "dog4",
        ),
        ("{{ \"James & the 'Peach'\" }}", "James &amp; the &#39;Peach&#39;"),
    ],
)
def test_vectors_of_the_specification(template: str, expected: str) -> None:
    assert shown(template) == expected


def test_vectors_that_are_errors() -> None:
    with pytest.raises(TemplateError) as caught:
        parse("{{ 'x' | nofilter }}")
    assert (caught.value.code, caught.value.line, caught.value.column) == ("UnknownFilter", 1, 10)
    with pytest.raises(TemplateError) as caught:
        parse("<p>\n  {% for x in task.input.labels %}\n")
    assert (caught.value.code, caught.value.line, caught.value.column) == ("TemplateSyntaxError", 2, 6)
    assert "endfor" in caught.value.message


@pytest.mark.parametrize(
    ("template", "code", "line", "column"),
    [
        ("a\n{{ 'x' ", "TemplateSyntaxError", 2, 1),
        ("{% nonsense %}", "UnknownTag", 1, 4),
        ("{% if true %}{% endfor %}", "TemplateSyntaxError", 1, 17),
        ("\n\n {% include 'x' %}", "UnknownTag", 3, 5),
        ("{% render 'x' %}", "UnknownTag", 1, 4),
        ("{% if true %}{% if true %}{% endif %}", "TemplateSyntaxError", 1, 4),
        ("{% assign x = 'a' | upcase | bogus %}", "UnknownFilter", 1, 30),
        (
            "{% for x in y %}{% capture z %}{{ x | bogus }}{% endcapture %}{% endfor %}",
            "UnknownFilter",
            1,
            39,
        ),
        ("{{ 'x' | safe }}", "UnknownFilter", 1, 10),
        ("a {% raw %} b", "TemplateSyntaxError", 1, 6),
        ("{% if true %}" * 101 + "{% endif %}" * 101, "RenderLimitExceeded", 1, 1),
        ("x" * 128_001, "TemplateTooLarge", 0, 0),
    ],
)
def test_bad_templates_name_code_and_place(template: str, code: str, line: int, column: int) -> None:
    with pytest.raises(TemplateError) as caught:
        parse(template)
    assert caught.value.code == code
    if code != "RenderLimitExceeded":
        assert (caught.value.line, caught.value.column) == (line, column)


@pytest.mark.parametrize(
    "template",
    ["{% raw %}" * 14_000, "{{ " * 40_000, "{% doc %}" * 14_000, "{{" + " " * 120_000, "{% if" + " " * 120_000 + "%}",
     "{% comment %}" + "{{ " * 40_000 + "{% endcomment %}", "{{ x[" + "[" * 100_000 + " }}", "{% if a and " * 9000,
     "{% if " + "a and " * 20_000 + "b %}{% endif %}"],
)  # fmt: skip
def test_texts_made_to_be_slow_are_refused(template: str) -> None:
    with pytest.raises(TemplateError) as caught:
        parse(template)
    assert caught.value.code == "TemplateSyntaxError"


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        # numbers and other scalars print as in JSON
        ("{{ task.input.a }} {{ task.input.b }} {{ task.input.c }} {{ task.input.d }}", "950.27 3 3.0 false"),
        # an integer finds a key that looks like one; negative index; size, first, last
        ("{{ task.input.map[0] }}{{ task.input.map['0'] }}", "zerozero"),
        ("{{ task.input.list[-1] }}{{ task.input.list.first }}{{ task.input.list.size }}", "213"),
        ("{{ task.input.list[-9] }}{{ task.input.list['x'] }}{{ task.input.s[0] }}", ""),
        # words of the language are names after a dot
        ("{{ task.input.limit }}{% if task.input.in == 'I' %}{{ task.input.or }}{% endif %}", "LO"),
        # nil is falsy, empty things are not
        ("{% if task.input.no %}a{% elsif task.input.empty %}b{% endif %}", "b"),
        ("{% if task.input.no > 1 %}a{% else %}b{% endif %}", "b"),
        # pairs of an object, ranges, else, limit, offset, reversed
        ("{% for p in task.input.map %}{{ p[0] }}={{ p[1] }}{% endfor %}", "0=zero"),
        ("{% for p in task.input.map %}{{ p }}{% endfor %}", "[&quot;0&quot;,&quot;zero&quot;]"),
        ("{% for i in (1..3) reversed %}{{ i }}{{ forloop.index }}{% endfor %}", "312213"),
        ("{% for i in task.input.list offset: 1 limit: 1 %}{{ i }}{% endfor %}", "3"),
        ("{% for i in task.input.none %}a{% else %}b{% endfor %}", "b"),
        ("{% for i in (1..9) %}{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}", "12"),
        # text filters see what output would print
        ("{{ task.input.map | append: '!' }}", "{&quot;0&quot;:&quot;zero&quot;}!"),
        ("{{ task.input.d | upcase }}{{ task.input.no | append: task.input.no }}", "FALSE"),
        ("{{ task.input.list | join: ', ' }}", "1, 3, 2"),
        ("{{ task.input.mixed | join }}", "true 1.0 {&quot;a&quot;:1}  x"),
        ("{{ task.input.list | sort | uniq | first }}", "1"),
        ("{{ 'a,b' | split: ',' }}", "[&quot;a&quot;,&quot;b&quot;]"),
        ("{{ 'abc' | size }}{{ 'abc' | slice: 1, 2 }}{{ '1' | plus: 2 }}", "3bc3"),
        ("{{ '<p>a<script>b</script><!-- c -->d</p><e' | strip_html }}", "ad&lt;e"),
        ("{{ task.input.no | default: 'x' }}", "x"),
        ("{{ '2024-05-01' | date: '%Y' }}", "2024"),
        # standard tags
        ("{% cycle task.input.lt, 'b' %}{% cycle task.input.lt, 'b' %}", "&lt;b"),
        ("{% increment i %}{% increment i %}{% decrement j %}", "01-1"),
        ("{% liquid\nassign x = task.input.lt\necho x\n%}", "&lt;"),
        ("{% case task.input.b %}{% when 1, 3 %}y{% else %}n{% endcase %}", "y"),
        ("{% raw %}{{ x }}{% endraw %}{% comment %}{{ {% endcomment %}{% # note %}", "{{ x }}"),
        ("{% tablerow x in task.input.lts cols: 1 %}{{ x }}{% endtablerow %}", None),
        ("<!-- {{ task.input.lt }} -->  ${x} ${ y }", "<!-- &lt; -->  ${x} ${ y }"),
        ("a {{- task.input.b -}} b{{ }}", "a3b"),
        ("{% break %}never", ""),
    ],
)
def test_language(template: str, expected: str | None) -> None:
    data = {
        "a": 950.27, "b": 3, "c": 3.0, "d": False, "map": {"0": "zero"}, "list": [1, 3, 2], "s": "abc",
        "limit": "L", "in": "I", "or": "O", "no": None, "empty": "", "none": [], "lt": "<", "lts": ["<"],
        "mixed": [True, 1.0, {"a": 1}, None, "x"],
    }  # fmt: skip
    result = shown(template, data)
    if expected is not None:
        assert result == expected
    else:
        assert "<td" in result and "&lt;" in result


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ task.input.x | escape | escape }}", "&lt;i&gt;"),
        ("{{ task.input.x | escape | append: '<' }}", "&lt;i&gt;&lt;"),
        ("{{ '<b>' | skip_autoescape | append: task.input.x }}", "<b>&lt;i&gt;"),
        ("{{ '<b>' | skip_autoescape | prepend: task.input.x }}", "&lt;i&gt;<b>"),
        ("{{ task.input.x | skip_autoescape | upcase }}", "&lt;I&gt;"),
        ("{{ task.input.x | skip_autoescape | strip }}", "<i>"),
        ("{{ task.input.x | url_encode | skip_autoescape | url_decode }}", "&lt;i&gt;"),
        ("{{ task.input.x | escape | skip_autoescape }}", "&lt;i&gt;"),
        ("{% assign y = task.input.x | escape %}{{ y }}", "&lt;i&gt;"),
        ("{% capture c %}<b>{{ task.input.x }}</b>{% endcapture %}{{ c }}", "<b>&lt;i&gt;</b>"),
        ("{% capture c %}<b>{{ task.input.x }}</b>{% endcapture %}{{ c | skip_autoescape }}", "<b>&lt;i&gt;</b>"),
        ("{% capture c %}{{ task.input.x }}{% endcapture %}{{ c | to_json }}", "&quot;\\u003ci\\u003e&quot;"),
        ("{% capture c %}{{ task.input.x }}{% endcapture %}{% if c == task.input.x %}same{% endif %}", "same"),
        ("{% capture c %}{{ task.input.x | escape }}{% endcapture %}{% capture d %}{{ c }}{% endcapture %}{{ d }}",
         "&lt;i&gt;"),
        ("{% capture c %}{% for i in (1..2) %}{{ task.input.x }}{% endfor %}{% endcapture %}{{ c }}",
         "&lt;i&gt;&lt;i&gt;"),
        ("{% capture k %}<{% endcapture %}{{ task.input.by[k] }}", "found"),
        ("{{ task.input.lines | newline_to_br }}", "a&lt;<br />\nb"),
        ("{{ task.input.lines | escape | newline_to_br }}", "a&lt;<br />\nb"),
        ("{{ task.input.lines }}", "a&lt;&#13;\nb"),
        ("{{ task.input.odd }}{{ task.input.odd | skip_autoescape }}", "\ufffd\ufffd\ufffd\ufffd"),
        ("<script>var x = {{ task.input.end | to_json | skip_autoescape }};</script>",
         '<script>var x = "\\u003c/script\\u003e\\u0026\\u2028";</script>'),
    ],
)  # fmt: skip
def test_marks_and_captures(template: str, expected: str) -> None:
    data = {
        "x": "<i>",
        "by": {"<": "found"},
        "lines": "a<\r\nb",
        "odd": "\x00\ud800",
        "end": "</script>&\u2028",
    }
    assert shown(template, data) == expected


def test_only_the_task_is_visible() -> None:
    template = (
        "{{ now }}{{ today }}{{ partial }}{{ forloop }}{{ task.input.__class__ }}{{ task.input.x.__len__ }}"
    )
    assert shown(template, {"x": "a"}) == ""
    for name in ("keys", "items", "format", "upper", "real", "start"):
        assert (
            shown(f"{{{{ task.input.x.{name} }}}}{{{{ task.input.y.{name} }}}}", {"x": "a", "y": [1]}) == ""
        )


def test_undefined_names_are_warnings() -> None:
    rendered = render("{{ task.input.labels }}{{ task.input.nope.x }}{{ y }}")
    assert rendered.errors == []
    assert rendered.warnings == ["task.input.nope.x", "y"]


def test_skip_autoescape_is_a_warning_of_the_template() -> None:
    template = parse("a\n{{ task.input.x | skip_autoescape }}")
    assert len(template.warnings) == 1 and template.warnings[0].startswith("line 2")


def test_same_text_is_parsed_once_and_a_bom_is_dropped() -> None:
    assert parse("<p>same</p>") is parse("\ufeff<p>same</p>")
    assert len(parse("x").sha256) == 64


@pytest.mark.parametrize("bad", [None, [], "x", {1: 2}, {"a": {1}}, {"a": object()}])
def test_input_must_be_json(bad: object) -> None:
    rendered = parse("x").render(bad, sign=sign)  # type: ignore[arg-type]
    assert [problem.code for problem in rendered.errors] == ["InvalidTaskInput"]


def test_input_that_is_nested_beyond_reason_is_refused() -> None:
    data: dict[str, object] = {}
    for _ in range(500):
        data = {"a": data}
    assert parse("{{ task }}").render(data, sign=sign).errors[0].code == "InvalidTaskInput"


def test_problems_keep_what_was_rendered_before() -> None:
    rendered = render("before {{ 'a' | divided_by: 0 }} after")
    assert rendered.html == "before "
    assert [(p.code, p.line, p.column) for p in rendered.errors] == [("FilterArgumentError", 1, 17)]
    rendered = render("{{ 'a' | append }}")
    assert "wrong number of arguments" in rendered.errors[0].message
    rendered = render("{% if 'a' > 1 %}x{% endif %}")
    assert rendered.errors[0].code == "RenderError"


def test_media_problems_are_noted_and_rendering_goes_on() -> None:
    rendered = render("{{ 5 | grant_read_access }}|{{ 'ftp://x/y' | s3_presign }}|{{ nil | s3_presign }}|end")
    assert rendered.html == "|||end"
    assert [problem.code for problem in rendered.errors] == ["FilterArgumentError"] * 2
    assert "ftp://x/y" in rendered.errors[1].message and rendered.errors[1].column == 46

    def refuse(bucket: str, key: str) -> str:
        if bucket == "private":
            raise AccessRefused("No access to s3://private/k.")
        raise BlobNotFound("There is no s3://b/k.")

    template = parse("{{ 's3://private/k' | grant_read_access }}{{ 's3://b/k' | grant_read_access }}")
    rendered = template.render({}, sign=refuse)
    assert [problem.code for problem in rendered.errors] == ["S3AccessDenied", "S3ObjectNotFound"]


class Ticking:
    """A clock that moves a little each time it is looked at."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 0.01
        return self.now


def test_time_limit() -> None:
    template = parse("{% for i in (1..1000) %}{{ i }}{% endfor %}")
    rendered = template.render({}, sign=sign, clock=Ticking())
    assert [problem.code for problem in rendered.errors] == ["RenderLimitExceeded"]
    assert rendered.html.startswith("123")


@pytest.mark.parametrize(
    ("template", "code"),
    [
        ("{% for i in (1..1000001) %}{% endfor %}", "RenderLimitExceeded"),
        ("{% for i in (1..99999999999999) reversed %}{% endfor %}", "RenderLimitExceeded"),
        ("{% tablerow i in (1..2000000) %}{% endtablerow %}", "RenderLimitExceeded"),
        ("{% for i in (1..9999) %}{% for j in (1..9999) %}{% endfor %}{% endfor %}", "RenderLimitExceeded"),
        ("{% assign a = (1..99999999) | reverse %}", "RenderLimitExceeded"),
        ("{{ (1..9999999999999999999999) | join }}", "RenderLimitExceeded"),
        ("{% assign s = 'ab' %}{% for i in (1..60) %}{% assign s = s | append: s %}{% endfor %}",
         "RenderLimitExceeded"),
        ("{% assign n = 9 %}{% for i in (1..60) %}{% assign n = n | times: n %}{% endfor %}", "RenderLimitExceeded"),
        ("{% assign s = task.input.long %}{% assign t = s | replace: 'x', s %}{{ t }}", "RenderLimitExceeded"),
        ("{% for i in (1..60) %}{{ task.input.long }}{% endfor %}", "OutputTooLarge"),
        ("{% capture c %}{% for i in (1..60) %}{{ task.input.long }}{% endfor %}{% endcapture %}", "OutputTooLarge"),
    ],
)  # fmt: skip
def test_limits(template: str, code: str) -> None:
    rendered = parse(template).render({"long": "x" * 100_000}, sign=sign, clock=lambda: 0.0)
    assert [problem.code for problem in rendered.errors] == [code]
    assert len(rendered.html) <= 5_000_000


def test_variables_together_are_bounded() -> None:
    assigns = "".join(
        f"{{% assign v{i} = task.input.long | append: 'x' %}}{{% assign v{i} = v{i} | append: v{i} | append: v{i} %}}"
        for i in range(120)
    )
    rendered = parse(assigns).render({"long": "x" * 1_000_000}, sign=sign, clock=lambda: 0.0)
    assert [problem.code for problem in rendered.errors] == ["RenderLimitExceeded"]


# Property tests: whatever the data, it stays data.

texts = st.text(st.characters() | st.sampled_from("<>&\"'`={}%-/!\r\n \u2028"), max_size=40)
FILTERS = [
    "", "| escape", "| escape_once", "| to_json", "| to_json | escape", "| upcase", "| escape | upcase",
    "| append: task.input.y", "| escape | append: task.input.y", "| newline_to_br", "| strip_html", "| url_decode",
    "| url_encode | url_decode", "| replace: 'a', task.input.y", "| split: '' | join: task.input.y", "| strip",
    "| truncate: 9, task.input.y", "| escape | slice: 1, 5", "| escape_once | strip_newlines", "| default: task.input.y",
    "| squish", "| date: task.input.y", "| escape | split: ';' | join: ''",
    "| grant_read_access", "| escape_once | url_decode", "| base64_encode",
]  # fmt: skip


@given(texts, texts, st.sampled_from(FILTERS), st.booleans())
def test_data_never_leaves_its_attribute_or_text(x: str, y: str, chain: str, is_captured: bool) -> None:
    use = f"{{{{ task.input.x {chain} }}}}"
    if is_captured:
        use = f"{{% capture c %}}{use}{{% endcapture %}}{{{{ c }}}}"
    rendered = parse(f"<p a=\"{use}\" b='{use}'>{use}</p>").render(
        {"x": x, "y": y}, sign=lambda bucket, key: f"https://s/{bucket}/{key}"
    )
    if rendered.errors and rendered.errors[0].code != "FilterArgumentError":
        raise AssertionError(rendered.errors)
    if rendered.html.endswith("</p>"):
        body = rendered.html.replace("<br />\n", "")
        assert re.fullmatch(r"""<p a="[^"<>]*" b='[^'<>]*'>[^<>]*</p>""", body, re.DOTALL)
        assert "\r" not in body


@given(texts)
def test_escaped_text_reads_back_as_the_data(x: str) -> None:
    expected = re.sub("[\x00\ud800-\udfff]", "\ufffd", x)
    for template in ("{{ task.input.x }}", "{{ task.input.x | escape }}", "{% capture c %}{{ task.input.x }}"
                     "{% endcapture %}{{ c }}"):  # fmt: skip
        assert html.unescape(shown(template, {"x": x})) == expected


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(json_values)
def test_json_survives_attributes_and_scripts(value: object) -> None:
    if json.dumps(value).lower().count("\\ud8") or "\\ud" in json.dumps(value):
        return  # lone surrogates are replaced
    value = json.loads(json.dumps(value).replace("\\u0000", ""))
    attribute = html.unescape(shown("{{ task.input.x | to_json | escape }}", {"x": value}))
    assert json.loads(attribute) == value
    script = shown("{{ task.input.x | to_json | skip_autoescape }}", {"x": value})
    assert json.loads(script) == value
    assert not re.search("[<>&\u2028\u2029]", script)
    if isinstance(value, dict | list):
        assert json.loads(html.unescape(shown("{{ task.input.x }}", {"x": value}))) == value


@given(st.text(min_size=1).filter(lambda key: not re.search("[\x00\ud800-\udfff]", key)))
def test_any_key_is_signed_exactly(key: str) -> None:
    seen: list[tuple[str, str]] = []

    def remember(bucket: str, k: str) -> str:
        seen.append((bucket, k))
        return "https://x"

    template = parse(
        "{{ task.input.u | grant_read_access }}"
        "{% capture u %}s3://pics/{{ task.input.k }}{% endcapture %}{{ u | grant_read_access }}"
        "{% capture u %}s3://pics/{{ task.input.k | escape }}{% endcapture %}{{ u | s3_presign }}"
    )
    assert template.render({"u": "s3://pics/" + key, "k": key}, sign=remember).errors == []
    assert seen == [("pics", key)] * 3


@given(texts)
def test_no_text_makes_the_parser_fail_otherwise_than_by_a_template_error(text: str) -> None:
    for template in (text, "{{" + text + "}}", "{%" + text + "%}", "{% if " + text + " %}{% endif %}"):
        try:
            parse(template).render({"x": 1}, sign=sign)
        except TemplateError as error:
            assert error.code and error.message


def test_signed_url_decodes_to_the_key() -> None:
    url = html.unescape(shown("{{ task.input.source-ref | grant_read_access }}"))
    assert unquote(url.split("/pics/")[1].split("?")[0]) == "a b&c.jpg"
