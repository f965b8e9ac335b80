"""Using a trained model on this machine: a folder of pictures or a file of texts, results and reports.

==============  ==========================================================================
`opening`       the model, from a folder, an archive or an object
`inputs`        which pictures or texts
`running`       through the model on all processors, results as JSON lines in input order
`results`       reading the results back, one at a time; what is in them in all
`palette`       colours of classes
`drawing`       small pictures and masks for reports
`pdf`           a PDF file, written page by page
`pdf_report`    the report on paper
`html_report`   the report for a browser
==============  ==========================================================================

Everything streams: memory does not grow with the number of pictures. No torch.
"""

from __future__ import annotations

from labelwright.prediction.html_report import write_html_report
from labelwright.prediction.inputs import Input, list_inputs
from labelwright.prediction.opening import opened_model
from labelwright.prediction.pdf_report import write_pdf_report
from labelwright.prediction.results import Result, Summary, read_results, summarise
from labelwright.prediction.running import predict_inputs, write_results

__all__ = [
    "Input",
    "Result",
    "Summary",
    "list_inputs",
    "opened_model",
    "predict_inputs",
    "read_results",
    "summarise",
    "write_html_report",
    "write_pdf_report",
    "write_results",
]
