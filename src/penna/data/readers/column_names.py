"""Common names of text and label columns, in several languages."""

_CALLED = """
    text texts sentence sentences review reviews comment comments content contents body message messages title
    titles query queries question questions answer answers utterance utterances tweet tweets document documents doc
    docs description descriptions summary abstract input inputs prompt prompts response note notes name names item
    items product products phrase phrases keyword keywords word words headline headlines subject article articles
    post posts feedback transcript paragraph passage value values data string id label labels target class category
    source en de fr es it pt nl ru zh ja ko ar src tgt utt col column field reason request email emails mail caption
    chunk snippet opinion story statement claim premise hypothesis context dialogue conversation tokens line lines
    texte texto testo tekst titre titulo título commentaire comentario kommentar bewertung satz frase avis inhalt
    beschreibung nachricht anfrage text_column текст сообщение отзыв комментарий заголовок название запрос вопрос
    описание κείμενο 文本 内容 标题 评论 句子 问题 テキスト 本文 タイトル 文 텍스트 내용 제목 문장 리뷰 نص النص टेक्स्ट
"""
#: These names, case-folded.
NAMES = frozenset(_CALLED.split())
#: Prefixes that such a name may have.
BEFORE = frozenset(
    ("user", "customer", "client", "full", "short", "clean", "cleaned", "raw", "main", "original", "first", "second")
)
